import { Choice, Condition, type IChainable, JsonPath, Pass, type State } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { admitRestoreStep, type BringBackSteps, bringBack } from './bring-back.ts';
import { failurePath } from './failure-path.ts';
import { functionStep } from './function-step.ts';
import type { StepFunction } from './steps.ts';
import { type ApprovalStep, waitForApproval } from './wait-for-approval.ts';

export type RecoveryWorkflowProps = BringBackSteps &
  ApprovalStep & {
    readonly planRecovery: StepFunction;
    readonly verifyRecovery: StepFunction;
  };

/**
 * The recovery workflow: what somebody may have to approve, and what is brought back to a point in time. Its input can be as short as
 * `{"backup":"latest","target":"orders","as":"/srv/orders","point":{"kind":"latest"}}`. From admission on, the state is
 * `{ verdict, run, attempts, redriveCount }`, to which steps add `approval`, `planned`, `record` and `verified`; it ends with
 * `{ run, plan, verification, handOver }`.
 *
 * Plan and verification stand outside the task that does the work, and look at it with other eyes: a plan that fails costs no task and begins
 * nothing, and what the task says it has reached is held against what was asked for by another process.
 *
 * @returns the first state
 */
export function recoveryWorkflow(scope: Construct, steps: RecoveryWorkflowProps): State {
  const run = JsonPath.objectAt('$.run');
  const admit = admitRestoreStep(scope, steps, { name: 'Admit the recovery request', canWait: true });
  const onFailure = failurePath(scope, steps, admit);

  const recover = bringBack(scope, steps, {
    names: {
      task: {
        name: 'Recover and compare',
        comment:
          'A Fargate task restores the backup, applies its log up to the point, examines what came out, and only then puts it in place',
      },
      record: 'Record the recovery',
      complete: 'Recovery complete',
    },
    onFailure,
    check: (next) => verify(scope, steps, { next, onFailure }),
    handOver: (next) =>
      new Pass(scope, 'Hand over', {
        comment: 'Where the copy is, what it was held against, and what to type next',
        parameters: {
          run,
          plan: JsonPath.objectAt('$.planned.plan'),
          verification: JsonPath.objectAt('$.verified.verification'),
          handOver: JsonPath.objectAt('$.verified.handOver'),
        },
      }).next(next),
  });

  const plan = functionStep(scope, 'Plan the recovery', {
    ...steps.planRecovery,
    comment:
      'Are the backups there, and every segment of the log up to the point? Otherwise says which point can be reached',
    payload: { run },
    answer: { at: '$.planned', fields: ['plan', 'beganAt'] },
  });
  plan.addCatch(onFailure, { resultPath: '$.failure' }).next(
    new Pass(scope, 'Note when it began', {
      comment: 'How long a recovery takes is reckoned from here: that somebody had to approve it is not its fault',
      inputPath: '$.planned.beganAt',
      resultPath: '$.run.beganAt',
    }).next(recover),
  );

  admit.next(
    new Choice(scope, 'Does a second person have to approve it?', {
      comment: 'Where the request says so, or the target into which it goes',
    })
      .when(Condition.not(Condition.stringEquals('$.verdict', 'admitted')), onFailure)
      .when(
        Condition.booleanEquals('$.run.needsApproval', true),
        waitForApproval(scope, steps, { onApproval: plan, onFailure }),
      )
      .otherwise(plan),
  );
  return admit;
}

function verify(
  scope: Construct,
  { verifyRecovery }: Pick<RecoveryWorkflowProps, 'verifyRecovery'>,
  { next, onFailure }: { readonly next: IChainable; readonly onFailure: IChainable },
): IChainable {
  const verified = functionStep(scope, 'Verify what was reached', {
    ...verifyRecovery,
    comment: 'Holds the point that was reached against the one that was asked for, and the copies against the backup',
    payload: { run: JsonPath.objectAt('$.run'), plan: JsonPath.objectAt('$.planned.plan') },
    answer: { at: '$.verified', fields: ['verification', 'handOver'] },
  });
  verified.addCatch(onFailure, { resultPath: '$.failure' }).next(next);
  return verified;
}
