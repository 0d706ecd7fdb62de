import { type Duration, Stack } from 'aws-cdk-lib';
import { Peer, Port, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { DockerImageAsset } from 'aws-cdk-lib/aws-ecr-assets';
import { Cluster, ContainerInsights } from 'aws-cdk-lib/aws-ecs';
import { Construct } from 'constructs';
import type { HoldfastConfig, Target } from '../config/config.ts';
import { mayRecoverAlong } from '../config/pushed-logs.ts';
import { isReceived, receivedTargets } from '../config/received-targets.ts';
import { buildsOnEarlier, synthesizedMethods } from '../config/targets/methods.ts';
import type { EcsService } from '../config/targets/service.ts';
import { locksMounts, recoversInTask, taskFoldersOf } from '../config/targets/task-folders.ts';
import type { TaskToRun } from '../workflows/steps.ts';
import type { Bundle } from './bundle.ts';
import type { Network } from './network.ts';
import { readSecrets } from './secrets.ts';
import { switchServices, watchTasksOf } from './service-permissions.ts';
import { Task, type TaskProps, taskPlatform } from './task.ts';
import { TaskChoice } from './task-choice.ts';
import type { Vault } from './vault.ts';
import { WalReceiver } from './wal-receiver.ts';

/** Ids of images in the construct tree, as deployed installations have them. */
const imageIds: Readonly<Record<string, string>> = { holdfast: 'Image', 'restore-test': 'RestoreTestImage' };

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
  readonly backup: TaskChoice;
  /** Makes backups of earlier ones, and sees no target. @default - no target has backups that build on one another and can be combined */
  readonly synthesis: Task | undefined;
  readonly restore: TaskChoice;
  readonly restoreTest: TaskChoice;
  readonly askTargets: Task;
  /** Is there a target whose log goes on after its backups? */
  readonly keepsLogs: boolean;
  /** One for each target whose write-ahead log is received. */
  readonly walReceivers: readonly WalReceiver[];
  /** Those that runs may stop. */
  readonly services: readonly EcsService[];
  /** Let this one into a target's security group. */
  readonly securityGroup: SecurityGroup;
  readonly restoreTestSecurityGroup: SecurityGroup;
  readonly #props: TasksProps;
  readonly #images = new Map<string, DockerImageAsset>();

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
    const common = { cpu: props.cpu, memoryMiB: props.memoryMiB, environment: vault.environment };
    const passwords = readSecrets(
      Stack.of(this),
      props.targets.map(({ connection }) => connection.password),
    );

    // Is there a log that goes on after a backup? And where there may be one, what it holds, and how far it goes.
    const logsIn = (targets: readonly Target[]) =>
      targets.some(({ engine }) => recoversInTask(engine)) ? (['wal'] as const) : [];
    const logOf = (targets: readonly Target[]) => (targets.some(mayHaveLog) ? (['wal', 'health'] as const) : []);
    this.keepsLogs = props.targets.some(mayHaveLog);
    const services = props.targets.flatMap(({ service }) => service?.ecs ?? []);
    this.services = [...new Map(services.map((one) => [`${one.cluster}/${one.service}`, one])).values()];
    const switching = (service: EcsService | undefined) =>
      service === undefined ? [] : [switchServices(this, [service]), ...watchTasksOf(this, service)];

    this.backup = new TaskChoice(props.targets, 'work', (id, { folder, mounts, service }, targets) => {
      const writesMounts = targets.some(({ engine }) => locksMounts(engine));
      const task = new Task(this, `Backup${id}`, {
        ...{ ...common, image: this.#image(folder), mounts, writesMounts },
        description: 'writes backups',
        permissions: [...passwords, ...switching(service)],
      });
      const chained = targets.filter(isChained).map(({ name }) => name);
      const records = service === undefined ? [] : (['services'] as const);
      vault.grantList(
        task.role,
        ...(['backups', 'leases', ...records] as const),
        ...(chained.length > 0 ? (['inUse', 'journal'] as const) : []),
      );
      // Its own objects, which it reads back before it publishes them.
      vault.grantGet(task.role, 'backups', 'leases', ...records);
      vault.grantUpload(task.role);
      vault.grantPut(task.role, 'leases', 'outcomes', ...records);
      vault.grantWrap(task.role);
      if (chained.length > 0) {
        // What an incremental backup builds on: is it known to be bad? It is marked, so that no cleanup takes it away, and its index is read.
        vault.grantGet(task.role, 'inUse', 'journal');
        vault.grantPut(task.role, 'inUse');
        vault.grantUnwrapOf(task.role, chained);
      }
      return task;
    });

    this.synthesis = this.#makeSynthesis(props, common);

    this.restore = new TaskChoice(props.targets, 'restore', (id, { folder, mounts, service }, targets) => {
      const isOfClusters = targets.some(({ engine }) => recoversInTask(engine));
      const task = new Task(this, `Restore${id}`, {
        ...{ ...common, image: this.#image(folder), mounts, writesMounts: true },
        // It holds the cluster out of which databases are taken.
        ...(isOfClusters && { diskGiB: props.restoreTestDiskGiB }),
        description: 'restores backups',
        permissions: [...passwords, ...switching(service)],
      });
      const records = service === undefined ? [] : (['services'] as const);
      vault.grantList(task.role, 'backups', 'leases', 'inUse', ...records, ...logsIn(targets));
      vault.grantGet(task.role, 'backups', 'leases', 'inUse', ...records, ...logOf(targets));
      vault.grantPut(task.role, 'leases', 'inUse', 'outcomes', ...records);
      vault.grantUnwrap(task.role);
      return task;
    });

    this.restoreTestSecurityGroup = this.#isolatedGroup(props);
    this.restoreTest = new TaskChoice(props.targets, 'restoreTest', (id, { folder }, targets) => {
      const task = new Task(this, `RestoreTest${id}`, {
        ...{ ...common, image: this.#image(folder) },
        diskGiB: props.restoreTestDiskGiB,
        description: 'restores backups into a server of its own',
        permissions: [],
      });
      vault.grantList(task.role, 'backups', 'inUse', ...logsIn(targets));
      vault.grantGet(task.role, 'backups', 'inUse', ...logOf(targets));
      vault.grantPut(task.role, 'inUse', 'outcomes');
      vault.grantUnwrap(task.role);
      return task;
    });

    // It asks a few questions, every half hour: the smallest that Fargate has.
    const smallest = { cpu: 256, memoryMiB: 1024 };
    this.askTargets = new Task(this, 'AskTargets', {
      ...{ ...common, ...smallest, image: this.#image('holdfast') },
      description: 'asks targets how they are',
      permissions: passwords,
    });
    vault.grantPut(this.askTargets.role, 'health');

    this.walReceivers = receivedTargets(props.targets).map(
      (target) =>
        new WalReceiver(this, `Wal-${target.name}`, {
          target,
          image: this.#image('holdfast'),
          vault,
          cluster: this.cluster,
          securityGroup: this.securityGroup,
          subnets: props.network.taskSubnets,
          assignPublicIp: props.network.assignPublicIp,
        }),
    );
  }

  /** It reads and writes backups of those targets alone, and has the servers' programs and a disk. */
  #makeSynthesis(
    { targets, vault, restoreTestDiskGiB }: TasksProps,
    common: Pick<TaskProps, 'cpu' | 'memoryMiB' | 'environment'>,
  ): Task | undefined {
    const combined = targets.filter((target) => isChained(target) && synthesizedMethods(target.engine).length > 0);
    const [first] = combined;
    if (first === undefined) return undefined;
    const task = new Task(this, 'Synthesis', {
      ...{ ...common, image: this.#image(taskFoldersOf(first.engine).restoreTest), diskGiB: restoreTestDiskGiB },
      description: 'makes backups of earlier ones',
      permissions: [],
    });
    vault.grantList(task.role, 'backups', 'leases', 'inUse', 'journal');
    vault.grantGet(task.role, 'backups', 'leases', 'inUse', 'journal');
    vault.grantUpload(task.role);
    vault.grantPut(task.role, 'leases', 'inUse', 'outcomes');
    vault.grantWrap(task.role);
    vault.grantUnwrapOf(
      task.role,
      combined.map(({ name }) => name),
    );
    return task;
  }

  #image(folder: string): DockerImageAsset {
    const known = this.#images.get(folder);
    if (known) return known;
    const name = folder === 'holdfast' ? folder : `holdfast-${folder}`;
    const image = new DockerImageAsset(this, imageIds[folder] ?? `Image-${folder}`, {
      directory: this.#props.bundle.taskDirectory(folder),
      platform: taskPlatform,
      displayName: name,
    });
    this.#images.set(folder, image);
    return image;
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
  toRun(task: Task | TaskChoice, securityGroup = this.securityGroup): TaskToRun {
    const { definition, container } = task instanceof TaskChoice ? task.usual : task;
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

/** Do backups of the target build on one another? */
const isChained = ({ engine, backups }: Target): boolean =>
  buildsOnEarlier(
    engine,
    backups.map(({ method }) => method),
  );

/** A log is received, or sent by the server itself, which nobody does who has nothing that it could go on from. */
const mayHaveLog = (target: Target): boolean =>
  (recoversInTask(target.engine) && isReceived(target)) || mayRecoverAlong(target);
