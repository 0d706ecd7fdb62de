import { RemovalPolicy } from 'aws-cdk-lib';
import {
  FlowLogDestination,
  FlowLogTrafficType,
  GatewayVpcEndpointAwsService,
  IpAddresses,
  type ISubnet,
  type IVpc,
  Subnet,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { acknowledge } from '../checks/acknowledge.ts';
import type { HoldfastConfig } from '../config/config.ts';

export type NetworkProps = {
  /** An existing VPC. @default - a small one is made */
  readonly existing?: HoldfastConfig['aws']['vpc'];
};

/**
 * Where tasks run and the catalog's database lives: an existing VPC, named by its ids so that nothing is looked up, or a small one of its
 * own. The small one has no NAT gateway: tasks run in public subnets with a public address and no way in, the bulk of their traffic goes
 * through S3's gateway endpoint, and the database is in subnets with no way out. Interface endpoints instead would cost more than
 * everything else in an idle installation.
 */
export class Network extends Construct {
  readonly vpc: IVpc;
  readonly taskSubnets: readonly ISubnet[];
  readonly databaseSubnets: readonly ISubnet[];
  /** Do tasks need a public address to reach ECR, S3 and their targets? */
  readonly assignPublicIp: boolean;

  constructor(scope: Construct, id: string, { existing }: NetworkProps) {
    super(scope, id);
    if (existing !== undefined) {
      this.vpc = Vpc.fromVpcAttributes(this, 'Vpc', {
        vpcId: existing.id,
        availabilityZones: [...existing.availabilityZones],
      });
      this.taskSubnets = this.#named('TaskSubnet', existing.taskSubnets);
      this.databaseSubnets = this.#named('DatabaseSubnet', existing.databaseSubnets);
      this.assignPublicIp = existing.assignPublicIp;
      return;
    }
    const vpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr('10.83.0.0/24'),
      maxAzs: 2,
      natGateways: 0,
      subnetConfiguration: [
        { name: 'tasks', subnetType: SubnetType.PUBLIC, cidrMask: 26, mapPublicIpOnLaunch: false },
        { name: 'database', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 27 },
      ],
      gatewayEndpoints: { S3: { service: GatewayVpcEndpointAwsService.S3 } },
      // Everything in this VPC has a security group of its own; emptying the default one would take a custom resource.
      restrictDefaultSecurityGroup: false,
    });
    vpc.addFlowLog('Refused', {
      trafficType: FlowLogTrafficType.REJECT,
      destination: FlowLogDestination.toCloudWatchLogs(
        new LogGroup(this, 'RefusedTraffic', {
          retention: RetentionDays.ONE_MONTH,
          removalPolicy: RemovalPolicy.DESTROY,
        }),
      ),
    });
    this.vpc = vpc;
    this.taskSubnets = vpc.publicSubnets;
    this.databaseSubnets = vpc.isolatedSubnets;
    this.assignPublicIp = true;
  }

  #named(id: string, subnetIds: readonly string[]): ISubnet[] {
    return subnetIds.map((subnetId, index) => {
      const subnet = Subnet.fromSubnetId(this, `${id}${index + 1}`, subnetId);
      acknowledge(
        subnet,
        '@aws-cdk/aws-ec2:noSubnetRouteTableId',
        'nothing here touches the routes of a VPC that belongs to somebody else',
      );
      return subnet;
    });
  }
}
