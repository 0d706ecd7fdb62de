import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { DockerImageAsset } from 'aws-cdk-lib/aws-ecr-assets';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import {
  type ContainerDefinition,
  ContainerImage,
  CpuArchitecture,
  FargateTaskDefinition,
  LinuxParameters,
  LogDriver,
  OperatingSystemFamily,
} from 'aws-cdk-lib/aws-ecs';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { acknowledge } from '../checks/acknowledge.ts';
import type { Mount } from '../config/targets/mounts.ts';
import { allow, type Permission } from './allow.ts';
import { configFileName } from './bundle.ts';

export type TaskProps = {
  /** What it does, for the console. */
  readonly description: string;
  readonly image: DockerImageAsset;
  readonly cpu: number;
  readonly memoryMiB: number;
  /** @default - Fargate's 20 GiB */
  readonly diskGiB?: number;
  readonly environment: Readonly<Record<string, string>>;
  /** What the program is told to do. @default - whoever starts the task says it */
  readonly command?: readonly string[];
  readonly permissions: readonly Permission[];
  /** File systems that it sees. @default - none */
  readonly mounts?: readonly Mount[];
  /** May it write to them? @default false */
  readonly writesMounts?: boolean;
};

/** The platform that the image is built for, and that tasks run on. */
export const taskPlatform = Platform.LINUX_AMD64;

/**
 * A Fargate task definition with one container, because a sidecar that ends badly would fail the run, and a role of its own. It keeps no
 * data: what it reads goes to the store as it comes, and what a restore test restores is gone with it.
 */
export class Task extends Construct {
  readonly definition: FargateTaskDefinition;
  readonly container: ContainerDefinition;
  readonly role: Role;

  constructor(scope: Construct, id: string, props: TaskProps) {
    super(scope, id);
    const taskPrincipal = new ServicePrincipal('ecs-tasks.amazonaws.com');
    this.role = new Role(this, 'Role', { assumedBy: taskPrincipal, description: `Holdfast: ${props.description}` });
    for (const permission of props.permissions) allow(this.role, permission);

    const logGroup = new LogGroup(this, 'Log', {
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const executionRole = new Role(this, 'ExecutionRole', {
      assumedBy: taskPrincipal,
      description: 'Holdfast: pulls the image and opens the log',
    });
    allow(executionRole, {
      sid: 'WriteOwnLog',
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [logGroup.logGroupArn],
    });
    allow(executionRole, {
      sid: 'LogInToRegistry',
      actions: ['ecr:GetAuthorizationToken'],
      resources: ['*'],
      wildcardReason: 'a login token is for the whole registry of an account, and IAM takes no resource for it',
    });
    allow(executionRole, {
      sid: 'PullImage',
      actions: ['ecr:BatchCheckLayerAvailability', 'ecr:GetDownloadUrlForLayer', 'ecr:BatchGetImage'],
      resources: [props.image.repository.repositoryArn],
    });

    this.definition = new FargateTaskDefinition(this, 'Definition', {
      cpu: props.cpu,
      memoryLimitMiB: props.memoryMiB,
      ...(props.diskGiB === undefined ? {} : { ephemeralStorageGiB: props.diskGiB }),
      taskRole: this.role.withoutPolicyUpdates(),
      executionRole: executionRole.withoutPolicyUpdates(),
      runtimePlatform: { cpuArchitecture: CpuArchitecture.X86_64, operatingSystemFamily: OperatingSystemFamily.LINUX },
    });
    this.container = this.definition.addContainer('holdfast', {
      image: ContainerImage.fromDockerImageAsset(props.image),
      logging: LogDriver.awsLogs({ logGroup, streamPrefix: 'task' }),
      environment: {
        HOLDFAST_CONFIG: configFileName,
        HOLDFAST_IMAGE: props.image.assetHash,
        ...props.environment,
      },
      ...(props.command === undefined ? {} : { command: [...props.command] }),
      // Files are read whosever they are; without any, the image's own user is enough.
      ...(props.mounts === undefined || props.mounts.length === 0 ? {} : { user: '0:0' }),
      // Two minutes are Fargate's most; the program aborts its uploads within them when asked to stop.
      stopTimeout: Duration.seconds(120),
      linuxParameters: new LinuxParameters(this, 'Linux', { initProcessEnabled: true }),
    });
    this.#mount(props);
    acknowledge(
      this.definition,
      'AwsSolutions-ECS2',
      'names, keys and paths only: a secret is read by the program itself, by reference, with its own role',
    );
    this.definition.node.addDependency(this.role, executionRole);
  }

  #mount({ mounts = [], writesMounts = false }: TaskProps): void {
    const arnOf = (resource: string): string => Stack.of(this).formatArn({ service: 'elasticfilesystem', resource });
    for (const [index, { fileSystem, accessPoint, path }] of mounts.entries()) {
      const name = `mount-${index}`;
      this.definition.addVolume({
        name,
        efsVolumeConfiguration: {
          fileSystemId: fileSystem,
          transitEncryption: 'ENABLED',
          authorizationConfig: { accessPointId: accessPoint, iam: 'ENABLED' },
        },
      });
      this.container.addMountPoints({ sourceVolume: name, containerPath: path, readOnly: !writesMounts });
      allow(this.role, {
        sid: `SeeFileSystem${index}`,
        actions: [
          'elasticfilesystem:ClientMount',
          // Without it whoever the access point makes root is nobody.
          'elasticfilesystem:ClientRootAccess',
          ...(writesMounts ? ['elasticfilesystem:ClientWrite'] : []),
        ],
        resources: [arnOf(`file-system/${fileSystem}`)],
        // The file system's own policy may ask for the same.
        conditions: { StringEquals: { 'elasticfilesystem:AccessPointArn': arnOf(`access-point/${accessPoint}`) } },
      });
    }
  }
}
