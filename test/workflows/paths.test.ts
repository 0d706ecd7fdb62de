import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StateMachine, type StateMachineDefinition } from 'aws-local-stepfunctions';
import { templatesOf, withServices } from '../stacks/synthesize.ts';
import { definitionOf } from './definitions.ts';

const { runtime } = templatesOf();
const { runtime: stopping } = templatesOf(withServices);

const failure = { code: 'source-unreachable', message: 'no route', hint: 'is it up?' };
const admitted = {
  verdict: 'admitted',
  run: { backupId: 'b' },
  attempts: 0,
  redriveCount: 0,
  taskDefinition: 'backup-task',
};

const plannedCleanup = {
  run: { cleanupId: 'c', dryRun: false },
  progress: { next: 0, isDone: false, totals: {} },
  redriveCount: 0,
};

class Failed extends Error {
  constructor(code: string) {
    super(code);
    this.name = code;
  }
}
const fails = (code: string) => () => {
  throw new Failed(code);
};

type Step = (input: Record<string, unknown>) => unknown;

/** Runs the definition with an answer per step, and says which steps were taken and how it ended. */
async function follow(
  name: string,
  answers: Readonly<Record<string, Step>>,
  template = runtime,
): Promise<{ taken: string[]; end: unknown; output: unknown }> {
  const definition = definitionOf(template, name);
  const taken: string[] = [];
  const usual: Readonly<Record<string, Step>> = {
    'Admit the backup request': () => admitted,
    'Admit the restore request': () => admitted,
    'Admit the recovery request': () => ({ ...admitted, run: { ...admitted.run, needsApproval: true } }),
    'Wait for a second person': () => ({ approvedBy: 'berta' }),
    'Plan the recovery': () => ({ plan: { point: 'time 02:00' }, beganAt: '2026-11-21T02:00:09Z' }),
    'Verify what was reached': () => ({ verification: { asked: 'time 02:00' }, handOver: { next: ['psql'] } }),
    'Choose and admit the backup': () => admitted,
    'Plan the cleanup': () => plannedCleanup,
    'Validate the backup': () => ({ status: 'complete' }),
    'End as failed': ({ failure: why }) => fails((why as { code?: string; Error?: string }).code ?? 'internal')(),
  };
  const handlers = Object.entries(definition.States)
    .filter(([, { Type }]) => Type === 'Task')
    .map(([state]): [string, (input: { Payload?: Record<string, unknown> }) => Promise<unknown>] => [
      state,
      async (input) => {
        taken.push(state);
        const answer = (answers[state] ?? usual[state] ?? (() => ({})))(input.Payload ?? {});
        // Whoever answers to a token answers with what becomes the state's result.
        const isAnswer = definition.States[state]?.Resource?.endsWith('.waitForTaskToken') === true;
        return input.Payload === undefined || isAnswer ? answer : { Payload: answer };
      },
    ]);
  const waits = Object.entries(definition.States).filter(([, { Type }]) => Type === 'Wait');
  const machine = new StateMachine(structuredClone(definition) as unknown as StateMachineDefinition, {
    validationOptions: { noValidate: true },
  });
  const end = await machine
    .run(
      { target: 'orders' },
      {
        overrides: {
          taskResourceLocalHandlers: Object.fromEntries(handlers) as never,
          waitTimeOverrides: Object.fromEntries(waits.map(([state]) => [state, 0])),
          retryIntervalOverrides: Object.fromEntries(handlers.map(([state]) => [state, 0])),
        },
        context: {
          Execution: { Name: 'e', Input: { target: 'orders' }, RedriveCount: 0, StartTime: '2026-11-21T02:00:00Z' },
          Task: { Token: 'a token' },
        } as never,
      },
    )
    .result.catch((error: Error) => (error.cause as Error).name);
  return { taken, end: typeof end === 'string' ? end : 'success', output: end };
}

const wayOfFailure = [
  'Record the failure',
  'Release the lease after the failure',
  'Publish the failure',
  'End as failed',
];

test('a backup that goes well is written, validated, recorded, released and published', async () => {
  const { taken, end } = await follow('holdfast-backup', {});

  assert.deepEqual(taken, [
    'Admit the backup request',
    'Write the backup to the store',
    'Validate the backup',
    'Record the backup',
    'Release the lease',
    'Publish the outcome',
  ]);
  assert.equal(end, 'success');
});

test('a request that was made before ends at once, and well', async () => {
  const { taken, end } = await follow('holdfast-backup', {
    'Admit the backup request': () => ({ verdict: 'duplicate', duplicateOf: 'b', reason: 'before' }),
  });

  assert.deepEqual([taken, end], [['Admit the backup request'], 'success']);
});

test('a run that is refused is recorded as the failure that it is', async () => {
  const { taken, end } = await follow('holdfast-backup', {
    'Admit the backup request': () => ({
      ...admitted,
      verdict: 'refused',
      failure: { ...failure, code: 'lease-held' },
    }),
  });

  assert.deepEqual([taken, end], [['Admit the backup request', ...wayOfFailure], 'lease-held']);
});

test('a task that finds no capacity is started again for a quarter of an hour, and the backup then goes well', async () => {
  const write = 'Write the backup to the store';
  let refusals = 8;
  const { taken, end } = await follow('holdfast-backup', {
    [write]: () => (refusals-- > 0 ? fails('AmazonECS.Unknown')() : {}),
  });
  const [retry] = definitionOf(runtime, 'holdfast-backup').States[write]?.Retry ?? [];
  assert.ok(retry);
  const waits = Array.from({ length: retry.MaxAttempts }, (_, attempt) =>
    Math.min(retry.IntervalSeconds * retry.BackoffRate ** attempt, retry.MaxDelaySeconds ?? Number.POSITIVE_INFINITY),
  );

  assert.equal(taken.filter((step) => step === write).length, 9);
  assert.equal(end, 'success');
  assert.deepEqual(waits, [15, 30, 60, 120, 240, 300, 300, 300]);
});

test('capacity that does not come back is judged as any end of a task, and the run ends as not started', async () => {
  const notStarted = { code: 'task-not-started', message: 'RESOURCE:CPU', hint: 'is there a quota?' };
  const { taken, end } = await follow('holdfast-backup', {
    'Write the backup to the store': fails('AmazonECS.Unknown'),
    'Find out why the task ended': () => ({ verdict: 'fail', attempts: 1, waitSeconds: 0, failure: notStarted }),
  });

  assert.deepEqual(taken.slice(-5), ['Find out why the task ended', ...wayOfFailure]);
  assert.equal(end, 'task-not-started');
});

test('a task is tried again while its judge says so, and each attempt is counted', async () => {
  const counted: unknown[] = [];
  let runs = 0;

  const { taken, end } = await follow('holdfast-backup', {
    'Write the backup to the store': () => {
      runs++;
      if (runs < 3) throw new Failed('States.TaskFailed');
    },
    'Find out why the task ended': ({ attempts }) => {
      counted.push(attempts);
      return { verdict: 'retry', attempts: Number(attempts) + 1, waitSeconds: 30, failure };
    },
  });

  assert.deepEqual(counted, [0, 1]);
  assert.deepEqual(taken.filter((state) => state === 'Write the backup to the store').length, 3);
  assert.equal(end, 'success');
});

test('a task that failed for good ends the run under its own code', async () => {
  const told: unknown[] = [];

  const { taken, end } = await follow('holdfast-backup', {
    'Write the backup to the store': fails('States.TaskFailed'),
    'Find out why the task ended': () => ({ verdict: 'fail', attempts: 3, waitSeconds: 0, failure }),
    'Record the failure': ({ failure: why }) => told.push(why),
  });

  assert.deepEqual(taken.slice(3), wayOfFailure);
  assert.deepEqual([end, told], ['source-unreachable', [failure]]);
});

test('a partial backup is validated, and then told as a failure with what is missing', async () => {
  const { taken, end } = await follow('holdfast-backup', {
    'Write the backup to the store': fails('States.TaskFailed'),
    'Find out why the task ended': () => ({
      verdict: 'partial',
      attempts: 1,
      waitSeconds: 0,
      failure: { ...failure, code: 'partial' },
    }),
    'Validate the backup': () => ({ status: 'partial' }),
  });

  assert.deepEqual(taken.slice(3), ['Validate the backup', ...wayOfFailure]);
  assert.equal(end, 'partial');
});

test('a backup that turns out partial only when validated is no success either', async () => {
  const { end } = await follow('holdfast-backup', { 'Validate the backup': () => ({ status: 'partial' }) });

  assert.equal(end, 'partial');
});

test('a backup that does not validate fails', async () => {
  const { taken } = await follow('holdfast-backup', { 'Validate the backup': fails('corrupt') });

  assert.deepEqual(taken.slice(3), wayOfFailure);
});

test('each step of the failure path is taken even when those before it fail', async () => {
  const { taken, end } = await follow('holdfast-backup', {
    'Validate the backup': fails('corrupt'),
    'Record the failure': fails('internal'),
    'Release the lease after the failure': fails('internal'),
    'Publish the failure': fails('internal'),
    'End as failed': fails('corrupt'),
  });

  assert.deepEqual(taken.slice(3), wayOfFailure);
  assert.equal(end, 'corrupt');
});

test('a lease that cannot be released and news that cannot be told do not undo a good backup', async () => {
  const { end } = await follow('holdfast-backup', {
    'Release the lease': fails('internal'),
    'Publish the outcome': fails('internal'),
  });

  assert.equal(end, 'success');
});

test('a redriven execution begins anew with the input that it was started with', async () => {
  const asked: unknown[] = [];
  let validations = 0;

  const { taken, end } = await follow('holdfast-backup', {
    'Admit the backup request': ({ request }) => {
      asked.push(request);
      return admitted;
    },
    'Validate the backup': () => {
      validations++;
      if (validations === 1) throw new Failed('corrupt');
      return { status: 'complete' };
    },
    'End as failed': () => ({ redriven: 1 }),
  });

  assert.deepEqual(asked, [{ target: 'orders' }, { target: 'orders' }]);
  assert.equal(taken.at(-1), 'Publish the outcome');
  assert.equal(end, 'success');
});

test('a restore that goes well is compared, recorded, released and published', async () => {
  const { taken, end } = await follow('holdfast-restore', {});

  assert.deepEqual(taken, [
    'Admit the restore request',
    'Restore and compare',
    'Record the restore',
    'Release the leases',
    'Publish the outcome',
  ]);
  assert.equal(end, 'success');
});

test('a restore whose copy differs fails as that', async () => {
  const { taken, end } = await follow('holdfast-restore', {
    'Restore and compare': fails('States.TaskFailed'),
    'Find out why the task ended': () => ({
      verdict: 'fail',
      attempts: 1,
      waitSeconds: 0,
      failure: { ...failure, code: 'comparison-failed' },
    }),
  });

  assert.deepEqual(taken.slice(3), wayOfFailure);
  assert.equal(end, 'comparison-failed');
});

const wayOfRecovery = [
  'Admit the recovery request',
  'Wait for a second person',
  'Plan the recovery',
  'Recover and compare',
  'Verify what was reached',
  'Record the recovery',
  'Release the leases',
  'Publish the outcome',
];

test('a recovery waits for a second person, is planned, verified, recorded, and ends with what its new owner has to know', async () => {
  const { taken, end, output } = await follow('holdfast-recovery', {});

  assert.deepEqual([taken, end], [wayOfRecovery, 'success']);
  assert.deepEqual(output, {
    run: { backupId: 'b', needsApproval: true, beganAt: '2026-11-21T02:00:09Z' },
    plan: { point: 'time 02:00' },
    verification: { asked: 'time 02:00' },
    handOver: { next: ['psql'] },
  });
});

test('one that nobody has to approve asks nobody', async () => {
  const { taken, end } = await follow('holdfast-recovery', {
    'Admit the recovery request': () => ({ ...admitted, run: { ...admitted.run, needsApproval: false } }),
  });

  assert.deepEqual([taken, end], [wayOfRecovery.filter((state) => state !== 'Wait for a second person'), 'success']);
});

test('a recovery that is refused, or that nobody approves in time, ends under its own code, and nothing is planned', async () => {
  const failures: unknown[] = [];
  const told: Step = ({ failure: why }) => {
    failures.push(why);
    const { code, Error: caught } = why as { code?: string; Error?: string };
    return fails(code ?? caught ?? 'internal')();
  };

  const refused = await follow('holdfast-recovery', {
    'Wait for a second person': fails('recovery-refused'),
    'End as failed': told,
  });
  const expired = await follow('holdfast-recovery', {
    'Wait for a second person': fails('States.Timeout'),
    'End as failed': told,
  });

  const way = ['Admit the recovery request', 'Wait for a second person', ...wayOfFailure];
  assert.deepEqual([refused.taken, refused.end], [way, 'recovery-refused']);
  assert.deepEqual([expired.taken, expired.end], [way, 'approval-expired']);
  assert.equal((failures[0] as { Error: string }).Error, 'recovery-refused');
  assert.deepEqual(failures[1], {
    code: 'approval-expired',
    message: 'nobody approved it within 24 hours',
    hint: 'ask for it again, and have somebody else approve it in time',
  });
});

test('a recovery whose plan or verification fails is recorded, told, and ends as that', async () => {
  const planned = await follow('holdfast-recovery', { 'Plan the recovery': fails('point-unreachable') });
  const verified = await follow('holdfast-recovery', { 'Verify what was reached': fails('comparison-failed') });

  assert.deepEqual(planned.taken, [...wayOfRecovery.slice(0, 3), ...wayOfFailure]);
  assert.deepEqual(verified.taken, [...wayOfRecovery.slice(0, 5), ...wayOfFailure]);
});

test('a restore test that goes well is recorded and published, and no lease is touched', async () => {
  const { taken, end } = await follow('holdfast-restore-test', {});

  assert.deepEqual(taken, [
    'Choose and admit the backup',
    'Restore into a server of its own and examine it',
    'Record the restore test',
    'Publish the outcome',
  ]);
  assert.equal(end, 'success');
});

test('an installation without a backup has nothing to test, and that is no failure', async () => {
  const { taken, end } = await follow('holdfast-restore-test', {
    'Choose and admit the backup': () => ({ verdict: 'nothing', reason: 'new' }),
  });

  assert.deepEqual([taken, end], [['Choose and admit the backup'], 'success']);
});

test('a restore test whose copy is not as it should be fails as that, recorded and told', async () => {
  const { taken, end } = await follow('holdfast-restore-test', {
    'Restore into a server of its own and examine it': fails('States.TaskFailed'),
    'Find out why the task ended': () => ({
      verdict: 'fail',
      attempts: 1,
      waitSeconds: 0,
      failure: { ...failure, code: 'assertion-failed' },
    }),
  });

  assert.deepEqual(taken.slice(3), ['Record the failure', 'Publish the failure', 'End as failed']);
  assert.equal(end, 'assertion-failed');
});

test('a cleanup goes on step by step until its plan is done, and is recorded', async () => {
  let next = 0;
  const { taken, end } = await follow('holdfast-cleanup', {
    'Remove what has expired': () => {
      next += 10;
      return { next, isDone: next === 30, totals: {} };
    },
  });

  assert.deepEqual(taken, [
    'Plan the cleanup',
    'Remove what has expired',
    'Remove what has expired',
    'Remove what has expired',
    'Record the cleanup',
  ]);
  assert.equal(end, 'success');
});

test('a dry run ends with its plan', async () => {
  const { taken, end } = await follow('holdfast-cleanup', {
    'Plan the cleanup': () => ({ ...plannedCleanup, run: { cleanupId: 'c', dryRun: true } }),
  });

  assert.deepEqual([taken, end], [['Plan the cleanup'], 'success']);
});

test('a cleanup that fails is recorded and ends under its failure, whether or not it can be recorded', async () => {
  const failing = { 'Remove what has expired': fails('store-denied') };
  const failsAsTold: Step = ({ failure: caught }) => fails((caught as { Error: string }).Error)();

  const recordings: readonly Step[] = [() => ({}), fails('store-unavailable')];
  for (const recording of recordings) {
    const { taken, end } = await follow('holdfast-cleanup', {
      ...failing,
      'Record the failed cleanup': recording,
      'End as failed': failsAsTold,
    });

    assert.equal(end, 'store-denied');
    assert.deepEqual(
      [...new Set(taken)],
      ['Plan the cleanup', 'Remove what has expired', 'Record the failed cleanup', 'End as failed'],
    );
  }
});

test('where runs stop services, they are started again as soon as the task has ended, and before anything is said of a failure', async () => {
  const good = await follow('holdfast-backup', {}, stopping);
  const bad = await follow(
    'holdfast-backup',
    {
      'Write the backup to the store': fails('States.TaskFailed'),
      'Find out why the task ended': () => ({ verdict: 'fail', attempts: 3, waitSeconds: 0, failure }),
    },
    stopping,
  );
  const restored = await follow('holdfast-restore', {}, stopping);

  assert.deepEqual(good.taken.slice(1, 4), [
    'Write the backup to the store',
    'Start what was stopped',
    'Validate the backup',
  ]);
  assert.deepEqual(bad.taken.slice(2), [
    'Find out why the task ended',
    'Start what was stopped, after the failure',
    ...wayOfFailure,
  ]);
  assert.deepEqual(restored.taken.slice(1, 4), ['Restore and compare', 'Start what was stopped', 'Record the restore']);
});

test('a service that cannot be started keeps no run from its end', async () => {
  const refused = fails('service-not-switched');
  const { taken, end } = await follow('holdfast-backup', { 'Start what was stopped': refused }, stopping);

  assert.deepEqual([taken.at(-1), end], ['Publish the outcome', 'success']);
});
