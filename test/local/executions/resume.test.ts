import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExecutionEvent } from '../../../lib/local/executions/history.ts';
import { placeOfWaiting, withTimeLeft } from '../../../lib/local/executions/resume.ts';

const tasks = [
  { name: 'Ask', resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken', timeoutSeconds: 3600 },
  { name: 'Work', resource: 'arn:aws:states:::ecs:runTask.sync', timeoutSeconds: 60 },
];
const event = (id: number, type: ExecutionEvent['type'], state?: string, isNested?: boolean): ExecutionEvent => ({
  id,
  at: `2026-11-21T02:00:0${id}.000Z`,
  type,
  ...(state === undefined ? {} : { state, input: { id } }),
  ...(isNested === undefined ? {} : { isNested }),
});

test('an execution waited when the last that is known of it is that it entered such a state', () => {
  const begun = [event(1, 'execution-started'), event(2, 'state-entered', 'Work'), event(3, 'state-exited', 'Work')];

  assert.deepEqual(placeOfWaiting({ tasks }, [...begun, event(4, 'state-entered', 'Ask')]), {
    state: 'Ask',
    input: { id: 4 },
    enteredAt: '2026-11-21T02:00:04.000Z',
  });
  assert.equal(placeOfWaiting({ tasks }, [event(1, 'state-entered', 'Work')]), undefined);
  assert.equal(
    placeOfWaiting({ tasks }, [event(1, 'state-entered', 'Ask'), event(2, 'state-failed', 'Ask')]),
    undefined,
  );
  assert.equal(placeOfWaiting({ tasks }, [event(1, 'state-entered', 'Ask', true)]), undefined);
  assert.equal(placeOfWaiting({ tasks }, []), undefined);
});

test('one that several stacks have waited for has waited since the first', () => {
  const entered = [1, 2, 3].map((id) => event(id, 'state-entered', 'Ask'));

  assert.equal(placeOfWaiting({ tasks }, entered)?.enteredAt, '2026-11-21T02:00:01.000Z');
});

test('a wait that goes on has the time that it had left, and a second at least', () => {
  const definition = { States: { Ask: { Type: 'Task', TimeoutSeconds: 3600 }, Work: { TimeoutSeconds: 60 } } };
  const after = (now: string) =>
    withTimeLeft({ definition, tasks }, { state: 'Ask', enteredAt: '2026-11-21T02:00:00.000Z', now: new Date(now) });

  const later = after('2026-11-21T02:50:00.000Z');

  assert.deepEqual(later.definition['States'], {
    Ask: { Type: 'Task', TimeoutSeconds: 600 },
    Work: { TimeoutSeconds: 60 },
  });
  assert.deepEqual(
    later.tasks.map(({ timeoutSeconds }) => timeoutSeconds),
    [600, 60],
  );
  assert.equal(after('2026-11-22T02:00:00.000Z').tasks[0]?.timeoutSeconds, 1);
});
