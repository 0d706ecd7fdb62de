import { StateMachine, type StateMachineDefinition } from 'aws-local-stepfunctions';
import { templatesOf } from '../stacks/synthesize.ts';
import { definitionOf } from './definitions.ts';

export const { runtime } = templatesOf();

export const failure = { code: 'source-unreachable', message: 'no route', hint: 'is it up?' };
export const admitted = {
  verdict: 'admitted',
  run: { backupId: 'b' },
  attempts: 0,
  redriveCount: 0,
  taskDefinition: 'backup-task',
};

export const plannedCleanup = {
  run: { cleanupId: 'c', dryRun: false },
  progress: { next: 0, isDone: false, totals: {} },
  redriveCount: 0,
};

export class Failed extends Error {
  constructor(code: string) {
    super(code);
    this.name = code;
  }
}
export const fails = (code: string) => () => {
  throw new Failed(code);
};

export type Step = (input: Record<string, unknown>) => unknown;

/** Runs the definition with an answer per step, and says which steps were taken and how it ended. */
export async function follow(
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

export const wayOfFailure = [
  'Record the failure',
  'Release the lease after the failure',
  'Publish the failure',
  'End as failed',
];
