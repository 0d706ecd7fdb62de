import { type Runtime, taskOf } from '../lib/config/runtime.ts';
import type { Admission } from '../lib/core/requests.ts';

/** What admission answers, and the task that a run takes: that of whom `ownerOf` names, found by the state machine at `taskDefinition`. */
export function withTask<Run>(
  runtime: Pick<Runtime, 'tasks'>,
  admission: Admission<Run>,
  ownerOf: (run: Run) => string,
): Admission<Run> | (Admission<Run> & { readonly taskDefinition: string }) {
  if (!('run' in admission)) return admission;
  return { ...admission, taskDefinition: taskOf(runtime, ownerOf(admission.run)) };
}
