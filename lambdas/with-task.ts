import { type Runtime, taskOf } from '../lib/config/runtime.ts';
import type { Admission } from '../lib/core/requests.ts';

/** What admission answers, and the task that a run takes: that of the target which `targetOf` names, found by the state machine at `taskDefinition`. */
export function withTask<Run>(
  runtime: Pick<Runtime, 'tasks'>,
  admission: Admission<Run>,
  targetOf: (run: Run) => string,
): Admission<Run> | (Admission<Run> & { readonly taskDefinition: string }) {
  if (!('run' in admission)) return admission;
  return { ...admission, taskDefinition: taskOf(runtime, targetOf(admission.run)) };
}
