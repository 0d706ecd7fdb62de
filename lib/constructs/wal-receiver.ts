import { Stack } from 'aws-cdk-lib';
import type { ISubnet, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import type { DockerImageAsset } from 'aws-cdk-lib/aws-ecr-assets';
import { FargatePlatformVersion, FargateService, type ICluster } from 'aws-cdk-lib/aws-ecs';
import { Construct } from 'constructs';
import type { ReceivedTarget } from '../config/received-targets.ts';
import { readSecrets } from './secrets.ts';
import { Task } from './task.ts';
import type { Vault } from './vault.ts';

export type WalReceiverProps = {
  readonly target: ReceivedTarget;
  readonly image: DockerImageAsset;
  readonly vault: Vault;
  readonly cluster: ICluster;
  readonly securityGroup: SecurityGroup;
  readonly subnets: readonly ISubnet[];
  readonly assignPublicIp: boolean;
};

/**
 * The service that receives the write-ahead log of one target, all the time: the one part of Holdfast that runs between backups. There is
 * one of it at a time, because the server lets one receiver have the slot; a new one begins when the old one has flushed what it had. Its role
 * reads and writes the log of this target alone: no backup, no other target's log, and no data key but to wrap new ones.
 */
export class WalReceiver extends Construct {
  readonly task: Task;
  readonly service: FargateService;

  constructor(scope: Construct, id: string, props: WalReceiverProps) {
    super(scope, id);
    const { target, vault } = props;
    this.task = new Task(this, 'Task', {
      description: `receives the log of ${target.name}`,
      image: props.image,
      cpu: target.wal.taskCpu,
      memoryMiB: target.wal.taskMemoryMiB,
      environment: vault.environment,
      command: ['wal', 'receive', target.name],
      permissions: readSecrets(Stack.of(this), [target.connection.password]),
    });
    vault.grantReceiveWal(this.task.role, target.name);
    this.service = new FargateService(this, 'Service', {
      cluster: props.cluster,
      taskDefinition: this.task.definition,
      desiredCount: 1,
      minHealthyPercent: 0,
      maxHealthyPercent: 100,
      circuitBreaker: { enable: true, rollback: true },
      platformVersion: FargatePlatformVersion.LATEST,
      assignPublicIp: props.assignPublicIp,
      vpcSubnets: { subnets: [...props.subnets] },
      securityGroups: [props.securityGroup],
      enableECSManagedTags: true,
    });
    // A receiver that cannot reach its server waits for it, and a deployment is done once it runs: the breaker is for images that do not start.
    this.service.node.addDependency(this.task.role);
  }
}
