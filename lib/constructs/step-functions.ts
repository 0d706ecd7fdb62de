import { Duration, Stack } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { synthesisTask } from '../core/requests.ts';
import type { StepFunction } from '../workflows/steps.ts';
import { allow, type Permission } from './allow.ts';
import type { Bundle } from './bundle.ts';
import { BundledFunction } from './bundled-function.ts';
import type { FunctionName } from './programs.ts';
import { switchServices } from './service-permissions.ts';
import type { Tasks } from './tasks.ts';
import type { Vault } from './vault.ts';

/** The functions that are steps of a state machine. */
export type StepName = Exclude<
  FunctionName,
  'catalog' | 'reconcile' | 'schedules' | 'hold-backup' | 'take-requests' | 'watch' | 'notify' | 'api'
>;

export type StepFunctionsProps = {
  readonly bundle: Bundle;
  readonly vault: Vault;
  readonly catalog: BundledFunction;
  readonly tasks: Tasks;
};

type Step = {
  readonly description: string;
  /** @default 60 */
  readonly timeoutSeconds?: number;
  readonly memoryMiB?: number;
  /** The families of the tasks that an admitted run is given to, by whose they are. */
  readonly admitsTo?: (tasks: Tasks) => Readonly<Record<string, string>>;
  /** @default - in every installation */
  readonly isNeeded?: (tasks: Tasks) => boolean;
  /** What it may do, no more than its code does. */
  readonly grant: (step: BundledFunction, props: StepFunctionsProps) => void;
};

/** Recording an event that nobody can have recorded before: an object of the journal, and the catalog told of it. */
function grantTell({ role }: BundledFunction, { vault, catalog }: StepFunctionsProps): void {
  vault.grantPut(role, 'journal');
  catalog.grantInvoke(role, 'TellCatalog');
}

/** Recording an event. A step that is tried again tells what the journal has. */
function grantRecord(step: BundledFunction, props: StepFunctionsProps): void {
  grantTell(step, props);
  props.vault.grantGet(step.role, 'journal');
}

/** Putting events of ours on the default bus. */
export const publishEvents = (scope: Construct): Permission => ({
  sid: 'PublishEvents',
  actions: ['events:PutEvents'],
  resources: [Stack.of(scope).formatArn({ service: 'events', resource: 'event-bus', resourceName: 'default' })],
  // A call bears several events, hence the operator for lists.
  conditions: { 'ForAllValues:StringEquals': { 'events:source': 'holdfast' } },
});

/** Looking at everything that problems are found in, and leaving what came out under `health/`. */
export function grantLook(
  { role }: BundledFunction,
  { vault, catalog, tasks }: Pick<StepFunctionsProps, 'vault' | 'catalog' | 'tasks'>,
): void {
  // What is in a log is not read: the beginning of an object says what it is, and no key is given.
  const logs = tasks.keepsLogs ? (['wal'] as const) : [];
  vault.grantList(role, 'backups', 'journal', 'requests', 'leases', 'health', ...logs);
  vault.grantGet(role, 'manifests', 'journal', 'requests', 'leases', 'health', ...logs);
  vault.grantPut(role, 'health');
  vault.grantDescribeKey(role);
  catalog.grantInvoke(role, 'AskCatalog');
}

const steps: Readonly<Record<StepName, Step>> = {
  'admit-backup': {
    description: 'Turns a backup request into a run, once per slot, and takes its lease',
    admitsTo: ({ backup, synthesis }) => ({
      ...backup.families(),
      ...(synthesis && { [synthesisTask]: synthesis.definition.family }),
    }),
    grant: (step, props) => {
      props.vault.grantList(step.role, 'requests', 'leases');
      props.vault.grantGet(step.role, 'requests', 'leases');
      props.vault.grantPut(step.role, 'requests', 'leases');
      grantRecord(step, props);
    },
  },
  'admit-restore': {
    description: 'Turns a restore request into a run: finds the backup, checks the destination',
    admitsTo: ({ restore }) => restore.families(),
    grant: (step, props) => {
      props.vault.grantList(step.role, 'backups', 'inUse');
      props.vault.grantGet(step.role, 'manifests', 'inUse');
      props.vault.grantPut(step.role, 'inUse');
      grantRecord(step, props);
    },
  },
  'admit-restore-test': {
    description: 'Turns a restore test request into a run: finds the backup, or chooses one',
    admitsTo: ({ restoreTest }) => restoreTest.families(),
    grant: (step, props) => {
      props.vault.grantList(step.role, 'backups', 'journal');
      props.vault.grantGet(step.role, 'manifests');
      grantRecord(step, props);
    },
  },
  'ask-approval': {
    description: "Asks for a second person's approval of a recovery that waits for it",
    grant: (step, props) => {
      grantRecord(step, props);
      allow(step.role, publishEvents(step.role));
    },
  },
  'plan-recovery': {
    description: 'Finds out whether a recovery can reach its point, and by which backups and log',
    timeoutSeconds: 300,
    memoryMiB: 1024,
    grant: (step, props) => {
      const { vault, tasks } = props;
      const logs = tasks.keepsLogs ? (['wal'] as const) : [];
      vault.grantList(step.role, 'backups', 'inUse', ...logs);
      vault.grantGet(step.role, 'manifests', 'inUse', ...logs, ...(tasks.keepsLogs ? (['health'] as const) : []));
      vault.grantPut(step.role, 'inUse');
      vault.grantUnwrap(step.role);
      grantTell(step, props);
      allow(step.role, publishEvents(step.role));
    },
  },
  'verify-recovery': {
    description: 'Holds what a recovery has reached against what was asked for, and says where it is',
    grant: ({ role }, { vault }) => {
      vault.grantList(role, 'outcomes');
      vault.grantGet(role, 'outcomes');
    },
  },
  'judge-attempt': {
    description: 'Says why a task ended and whether another attempt is worth it',
    grant: ({ role }, { vault }) => {
      vault.grantList(role, 'outcomes');
      vault.grantGet(role, 'outcomes');
    },
  },
  'validate-backup': {
    description: 'Reads a backup back with other eyes than its writer',
    timeoutSeconds: 900,
    memoryMiB: 3008,
    grant: (step, props) => {
      props.vault.grantList(step.role, 'backups', 'journal');
      props.vault.grantGet(step.role, 'backups');
      props.vault.grantUnwrap(step.role);
      grantTell(step, props);
    },
  },
  'record-outcome': {
    description: 'Writes down how a run ended: in the journal, and from there in the catalog',
    grant: (step, props) => {
      // Of a log that is received, how far it goes is a part of what is recorded.
      const logs = props.tasks.walReceivers.length > 0 ? (['health'] as const) : [];
      props.vault.grantList(step.role, 'backups', 'outcomes', 'journal', ...logs);
      props.vault.grantGet(step.role, 'manifests', 'outcomes', ...logs);
      grantRecord(step, props);
    },
  },
  'release-lease': {
    description: 'Gives back the leases that an execution still holds',
    grant: ({ role }, { vault }) => {
      vault.grantList(role, 'leases', 'inUse');
      vault.grantGet(role, 'leases', 'inUse');
      vault.grantPut(role, 'leases', 'inUse');
    },
  },
  'publish-outcome': {
    description: 'Publishes how a run ended: metrics, and an event',
    grant: ({ role }) => allow(role, publishEvents(role)),
  },
  'plan-cleanup': {
    description: 'Decides what a cleanup removes, and why; removes nothing',
    timeoutSeconds: 900,
    memoryMiB: 3008,
    grant: ({ role }, { vault }) => {
      vault.grantList(role, 'backups', 'journal', 'leases', 'cleanups', 'wal');
      vault.grantGet(role, 'manifests', 'journal', 'leases', 'cleanups');
      vault.grantPut(role, 'leases', 'cleanups');
      vault.grantSeeLocks(role);
    },
  },
  'sweep-expired': {
    description: 'Removes what a cleanup has planned. The only role that may remove anything',
    timeoutSeconds: 900,
    memoryMiB: 1024,
    grant: (step, props) => {
      const { vault } = props;
      vault.grantList(step.role, 'backups', 'journal', 'leases', 'cleanups', 'inUse', 'wal');
      vault.grantGet(step.role, 'manifests', 'leases', 'cleanups', 'inUse');
      vault.grantPut(step.role, 'leases');
      vault.grantRemove(step.role, 'backups', 'requests', 'outcomes', 'cleanups', 'inUse', 'checks', 'wal');
      grantRecord(step, props);
    },
  },
  'end-cleanup': {
    description: 'Writes down what a cleanup did, and publishes it: metrics, and an event',
    grant: (step, props) => {
      props.vault.grantList(step.role, 'leases', 'journal');
      props.vault.grantGet(step.role, 'leases');
      props.vault.grantPut(step.role, 'leases');
      grantRecord(step, props);
      allow(step.role, publishEvents(step.role));
    },
  },
  'check-health': {
    description: 'Holds what should be there against what is, and leaves a report',
    timeoutSeconds: 120,
    grant: (step, props) => grantLook(step, props),
  },
  'start-services': {
    description: 'Starts a service again that a run has stopped and did not live to start',
    isNeeded: ({ services }) => services.length > 0,
    grant: ({ role }, { vault, tasks }) => {
      vault.grantList(role, 'services', 'leases');
      vault.grantGet(role, 'services', 'leases');
      vault.grantPut(role, 'services');
      allow(role, switchServices(role, tasks.services));
    },
  },
  'raise-failure': {
    description: 'Fails an execution under the name of its failure',
    timeoutSeconds: 30,
    grant: () => {},
  },
};

/** The functions behind the steps of all state machines, each with a role of its own. */
export class StepFunctions extends Construct {
  readonly #functions: ReadonlyMap<StepName, BundledFunction>;

  constructor(scope: Construct, id: string, props: StepFunctionsProps) {
    super(scope, id);
    this.#functions = new Map(
      (Object.keys(steps) as StepName[])
        .filter((name) => steps[name].isNeeded?.(props.tasks) ?? true)
        .map((name) => [name, this.#make(name, steps[name], props)]),
    );
  }

  /** The function of that name, for whoever grants or watches. */
  get(name: StepName): BundledFunction {
    const found = this.#functions.get(name);
    if (found === undefined) throw new RangeError(`no step function '${name}'`);
    return found;
  }

  /** The function as a workflow takes it. */
  step(name: StepName): StepFunction {
    return { function: this.get(name).function, timeout: timeoutOf(steps[name]) };
  }

  get all(): readonly BundledFunction[] {
    return [...this.#functions.values()];
  }

  #make(name: StepName, step: Step, props: StepFunctionsProps): BundledFunction {
    const made = new BundledFunction(this, name, {
      bundle: props.bundle,
      program: name,
      description: step.description,
      timeout: timeoutOf(step),
      ...(step.memoryMiB === undefined ? {} : { memoryMiB: step.memoryMiB }),
      environment: {
        ...props.vault.environment,
        HOLDFAST_CATALOG_FUNCTION: props.catalog.arn,
        ...(step.admitsTo && { HOLDFAST_TASKS: JSON.stringify(step.admitsTo(props.tasks)) }),
      },
    });
    step.grant(made, props);
    return made;
  }
}

const timeoutOf = ({ timeoutSeconds }: Step): Duration => Duration.seconds(timeoutSeconds ?? 60);
