import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { templatesOf } from '../stacks/synthesize.ts';
import { definitionOf } from './definitions.ts';

// It brings no types.
const validate = createRequire(import.meta.url)('asl-validator') as (definition: unknown) => {
  readonly isValid: boolean;
  readonly errors: readonly unknown[];
};
const { runtime } = templatesOf();

const firstSteps = {
  'holdfast-backup': 'Admit the backup request',
  'holdfast-restore': 'Admit the restore request',
  'holdfast-recovery': 'Admit the recovery request',
  'holdfast-restore-test': 'Choose and admit the backup',
  'holdfast-cleanup': 'Plan the cleanup',
} as const;

for (const [name, first] of Object.entries(firstSteps)) {
  const machine = definitionOf(runtime, name);
  const states = Object.entries(machine.States);
  const tasks = states.filter(([, { Type }]) => Type === 'Task');

  test(`${name} is a valid definition`, () => {
    const { isValid, errors } = validate(JSON.parse(JSON.stringify(machine)));

    assert.deepEqual([isValid, errors], [true, []]);
  });

  test(`every step of ${name} ends in time, and the machine later than all of them`, () => {
    for (const [state, { TimeoutSeconds }] of tasks) {
      assert.ok(TimeoutSeconds !== undefined && TimeoutSeconds < machine.TimeoutSeconds, state);
    }
  });

  test(`every step of ${name} says what it is for`, () => {
    for (const [state, { Comment, Type }] of states) {
      if (Type !== 'Succeed') assert.ok((Comment ?? '').length > 15, state);
    }
  });

  test(`${name} retries nothing that trying again cannot help`, () => {
    const retried = tasks.flatMap(([, { Retry = [] }]) => Retry.flatMap(({ ErrorEquals }) => ErrorEquals));

    assert.deepEqual(
      [...new Set(retried)].filter((error) =>
        /^States\.|corrupt|auth|denied|lease|partial|deadline|internal/.test(error),
      ),
      [],
    );
    assert.ok(retried.includes('store-unavailable'));
  });

  test(`every step of ${name} between admission and the end has somewhere to go when it fails`, () => {
    const ends = tasks.filter(
      ([, { Catch = [] }]) => !Catch.some(({ ErrorEquals }) => ErrorEquals.includes('States.ALL')),
    );

    assert.deepEqual(ends.map(([state]) => state).sort(), [...[first, 'End as failed'].sort()]);
  });
}

test('the last step of the failure path fails at once under whatever code', () => {
  const { Retry } = definitionOf(runtime, 'holdfast-backup').States['End as failed'] ?? {};

  assert.deepEqual(
    Retry?.flatMap(({ ErrorEquals }) => ErrorEquals).filter((error) => !error.startsWith('Lambda.')),
    [],
  );
});
