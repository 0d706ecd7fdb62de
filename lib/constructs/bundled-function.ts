import { type Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, type CfnFunction, Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { allow, type Permission } from './allow.ts';
import { type Bundle, configFileName } from './bundle.ts';
import type { FunctionName } from './programs.ts';

export type BundledFunctionProps = {
  readonly bundle: Bundle;
  /** Which of the bundled programs this is. */
  readonly program: FunctionName;
  /** What it does, shown in the console. */
  readonly description: string;
  /** For those that people look up by name. @default - made by CloudFormation */
  readonly name?: string;
  readonly timeout: Duration;
  /** What the function may do beside writing its own log. @default - what is granted to its role afterwards */
  readonly permissions?: readonly Permission[];
  /** @default 512 */
  readonly memoryMiB?: number;
  /** Variables beside `HOLDFAST_CONFIG`. @default - none */
  readonly environment?: Readonly<Record<string, string>>;
  /** Keeps what an asynchronous invocation could not deal with, after Lambda's own two further tries. @default - it is lost */
  readonly deadLetters?: IQueue;
  /** @default - outside of any VPC */
  readonly network?: {
    readonly vpc: IVpc;
    readonly subnets: SubnetSelection;
    readonly securityGroup: ISecurityGroup;
  };
  /** @default - limited by the account only */
  readonly reservedConcurrency?: number;
};

/** One of the project's Lambda functions: Node 24, its own role with nothing but what is listed, its own log group. */
export class BundledFunction extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;

  constructor(scope: Construct, id: string, props: BundledFunctionProps) {
    super(scope, id);
    const logGroup = new LogGroup(this, 'Log', {
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: `Holdfast: ${props.description}`,
    });
    allow(this.role, {
      sid: 'WriteOwnLog',
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [logGroup.logGroupArn],
    });
    if (props.network !== undefined) allow(this.role, attachToVpc);
    if (props.deadLetters !== undefined)
      allow(this.role, {
        sid: 'KeepDeadLetters',
        actions: ['sqs:SendMessage'],
        resources: [props.deadLetters.queueArn],
      });
    for (const permission of props.permissions ?? []) allow(this.role, permission);

    this.function = new LambdaFunction(this, 'Function', {
      ...(props.name === undefined ? {} : { functionName: props.name }),
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: Code.fromAsset(props.bundle.functionDirectory(props.program)),
      description: props.description,
      role: this.role.withoutPolicyUpdates(),
      logGroup,
      timeout: props.timeout,
      memorySize: props.memoryMiB ?? 512,
      environment: {
        HOLDFAST_CONFIG: configFileName,
        NODE_OPTIONS: '--enable-source-maps',
        POWERTOOLS_SERVICE_NAME: 'holdfast',
        ...props.environment,
      },
      ...(props.network === undefined
        ? {}
        : {
            vpc: props.network.vpc,
            vpcSubnets: props.network.subnets,
            securityGroups: [props.network.securityGroup],
          }),
      ...(props.deadLetters === undefined ? {} : { deadLetterQueue: props.deadLetters }),
      ...(props.reservedConcurrency === undefined ? {} : { reservedConcurrentExecutions: props.reservedConcurrency }),
    });
    // Without the policy in place first, the function's network interfaces cannot be made (or, worse, removed again).
    this.function.node.addDependency(this.role);
  }

  get arn(): string {
    return this.function.functionArn;
  }

  /** The permission to invoke this function, for another role. */
  invokePermission(sid: string): Permission {
    return { sid, actions: ['lambda:InvokeFunction'], resources: [this.arn] };
  }

  /** Lets `role` invoke this function. */
  grantInvoke(role: Role, sid: string): void {
    allow(role, this.invokePermission(sid));
  }

  /** The function's name in its template, which ids of findings about it bear. */
  get logicalId(): string {
    const resource = this.function.node.defaultChild as CfnFunction;
    return Stack.of(this).resolve(resource.logicalId) as string;
  }
}

const attachToVpc: Permission = {
  sid: 'AttachToVpc',
  actions: [
    'ec2:CreateNetworkInterface',
    'ec2:DescribeNetworkInterfaces',
    'ec2:DescribeSubnets',
    'ec2:DeleteNetworkInterface',
    'ec2:AssignPrivateIpAddresses',
    'ec2:UnassignPrivateIpAddresses',
  ],
  resources: ['*'],
  wildcardReason:
    'Lambda makes and removes its network interfaces with this role, and EC2 gives them no name beforehand',
};
