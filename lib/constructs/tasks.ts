import { type Duration, Stack } from 'aws-cdk-lib';
import { Peer, Port, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { DockerImageAsset } from 'aws-cdk-lib/aws-ecr-assets';
import { Cluster, ContainerInsights } from 'aws-cdk-lib/aws-ecs';
import { Construct } from 'constructs';
import type { HoldfastConfig } from '../config/config.ts';
import { efsOf } from '../config/targets/application.ts';
import { buildsOnEarlier } from '../config/targets/methods.ts';
import type { TaskToRun } from '../workflows/steps.ts';
import type { Bundle } from './bundle.ts';
import type { Network } from './network.ts';
import { readSecrets } from './secrets.ts';
import { Task, taskPlatform } from './task.ts';
import type { Vault } from './vault.ts';

export type TasksProps = {
  readonly bundle: Bundle;
  readonly vault: Vault;
  readonly network: Network;
  readonly targets: HoldfastConfig['targets'];
  readonly cpu: number;
  readonly memoryMiB: number;
  /** Disk of the restore test, which holds what it restores. */
  readonly restoreTestDiskGiB: number;
  /** Another S3 API than that of AWS. @default - AWS */
  readonly storeEndpoint?: string;
  /** After this long a program stops itself. */
  readonly deadline: Duration;
};

/**
 * The cluster, and the tasks that run in it, with a role each: what writes backups has no business in reading them, and what tests them none
 * with any target. The restore test has a security group of its own as well, that lets it out to the store and nowhere else.
 */
export class Tasks extends Construct {
  readonly cluster: Cluster;
  readonly backup: Task;
  readonly restore: Task;
  readonly restoreTest: Task;
  readonly askTargets: Task;
  /** Let this one into a target's security group. */
  readonly securityGroup: SecurityGroup;
  readonly restoreTestSecurityGroup: SecurityGroup;
  readonly #props: TasksProps;

  constructor(scope: Construct, id: string, props: TasksProps) {
    super(scope, id);
    this.#props = props;
    const { vault } = props;
    this.cluster = new Cluster(this, 'Cluster', {
      vpc: props.network.vpc,
      containerInsightsV2: ContainerInsights.ENABLED,
    });
    this.securityGroup = new SecurityGroup(this, 'SecurityGroup', {
      vpc: props.network.vpc,
      description: 'Holdfast tasks: nothing may come in; targets, S3 and ECR are reached from here',
    });
    const image = new DockerImageAsset(this, 'Image', {
      directory: props.bundle.taskDirectory,
      platform: taskPlatform,
      displayName: 'holdfast',
    });
    const common = { image, cpu: props.cpu, memoryMiB: props.memoryMiB, environment: vault.environment };
    const passwords = readSecrets(
      Stack.of(this),
      props.targets.map(({ connection }) => connection.password),
    );

    const fileSystems = props.targets.flatMap((target) => {
      const efs = efsOf(target);
      return efs === undefined ? [] : [{ target: target.name, ...efs }];
    });

    this.backup = new Task(this, 'Backup', {
      ...common,
      description: 'writes backups',
      permissions: passwords,
      fileSystems,
    });
    const chained = props.targets.filter(({ engine }) => buildsOnEarlier(engine)).map(({ name }) => name);
    vault.grantList(this.backup.role, 'backups', 'leases', ...(chained.length > 0 ? (['inUse'] as const) : []));
    // Its own objects, which it reads back before it publishes them.
    vault.grantGet(this.backup.role, 'backups', 'leases');
    vault.grantUpload(this.backup.role);
    vault.grantPut(this.backup.role, 'leases', 'outcomes');
    vault.grantWrap(this.backup.role);
    if (chained.length > 0) {
      // What an incremental backup builds on: it is marked, so that no cleanup takes it away, and its index is read.
      vault.grantGet(this.backup.role, 'inUse');
      vault.grantPut(this.backup.role, 'inUse');
      vault.grantUnwrapOf(this.backup.role, chained);
    }

    this.restore = new Task(this, 'Restore', {
      ...common,
      description: 'restores backups',
      permissions: passwords,
      fileSystems,
      mayWriteFiles: true,
    });
    vault.grantList(this.restore.role, 'backups', 'leases', 'inUse');
    vault.grantGet(this.restore.role, 'backups', 'leases', 'inUse');
    vault.grantPut(this.restore.role, 'leases', 'inUse', 'outcomes');
    vault.grantUnwrap(this.restore.role);

    this.restoreTestSecurityGroup = this.#isolatedGroup(props);
    this.restoreTest = new Task(this, 'RestoreTest', {
      ...common,
      image: new DockerImageAsset(this, 'RestoreTestImage', {
        directory: props.bundle.restoreTestDirectory,
        platform: taskPlatform,
        displayName: 'holdfast-restore-test',
      }),
      diskGiB: props.restoreTestDiskGiB,
      description: 'restores backups into a server of its own',
      permissions: [],
    });
    vault.grantList(this.restoreTest.role, 'backups', 'inUse');
    vault.grantGet(this.restoreTest.role, 'backups', 'inUse');
    vault.grantPut(this.restoreTest.role, 'inUse', 'outcomes');
    vault.grantUnwrap(this.restoreTest.role);

    // It asks a few questions, every half hour: the smallest that Fargate has.
    const smallest = { cpu: 256, memoryMiB: 1024 };
    this.askTargets = new Task(this, 'AskTargets', {
      ...common,
      ...smallest,
      description: 'asks targets how they are',
      permissions: passwords,
      fileSystems,
    });
    vault.grantPut(this.askTargets.role, 'health');
  }

  #isolatedGroup({ network, storeEndpoint }: TasksProps): SecurityGroup {
    const group = new SecurityGroup(this, 'RestoreTestSecurityGroup', {
      vpc: network.vpc,
      allowAllOutbound: false,
      description: 'Holdfast restore tests: nothing may come in, and S3, KMS, ECR and logs alone are reached from here',
    });
    group.addEgressRule(Peer.anyIpv4(), Port.tcp(443), 'AWS APIs, and the store');
    const url = storeEndpoint === undefined ? undefined : new URL(storeEndpoint);
    const port = url === undefined ? 443 : Number(url.port) || (url.protocol === 'http:' ? 80 : 443);
    if (port !== 443) group.addEgressRule(Peer.anyIpv4(), Port.tcp(port), 'the store');
    return group;
  }

  /** One of them, as a workflow takes it. */
  toRun({ definition, container }: Task, securityGroup = this.securityGroup): TaskToRun {
    const { network, deadline } = this.#props;
    return {
      cluster: this.cluster,
      taskDefinition: definition,
      container,
      subnets: { subnets: [...network.taskSubnets] },
      securityGroup,
      assignPublicIp: network.assignPublicIp,
      deadline,
    };
  }
}
