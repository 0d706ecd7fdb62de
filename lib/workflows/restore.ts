import { Choice, Condition, type State } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { admitRestoreStep, type BringBackSteps, bringBack } from './bring-back.ts';
import { failurePath } from './failure-path.ts';

/**
 * The restore workflow; its input can be as short as `{"backup":"latest","target":"orders","as":"orders_copy"}`. From admission on, the
 * state is `{ verdict, run, attempts, redriveCount }`.
 *
 * @returns the first state
 */
export function restoreWorkflow(scope: Construct, steps: BringBackSteps): State {
  const admit = admitRestoreStep(scope, steps, { name: 'Admit the restore request', canWait: false });
  const onFailure = failurePath(scope, steps, admit);
  const restore = bringBack(scope, steps, {
    names: {
      task: {
        name: 'Restore and compare',
        comment:
          'A Fargate task restores beside what is there, compares every table with the manifest, and only then puts it in place',
      },
      record: 'Record the restore',
      complete: 'Restore complete',
    },
    onFailure,
  });
  admit.next(
    new Choice(scope, 'May it run?', { comment: 'Nothing is written over what another run is writing' })
      .when(Condition.stringEquals('$.verdict', 'admitted'), restore)
      .otherwise(onFailure),
  );
  return admit;
}
