import * as z from 'zod';
import { targetNameSchema } from './ids.ts';
import { type ProblemKindName, problemKindNames } from './problem-kinds.ts';

/** A problem as it is found: what is wrong, in one sentence, and since when. */
export const problemSchema = z.strictObject({
  /** As `problemId` makes it: the same problem has the same id as long as it lasts. */
  id: z.string().regex(/^[a-z0-9-]{1,200}$/),
  kind: z.enum(problemKindNames as [ProblemKindName, ...ProblemKindName[]]),
  target: targetNameSchema.nullable(),
  /** What happened, in plain words, without a final stop. */
  message: z.string(),
});
export type Problem = z.infer<typeof problemSchema>;

export const openProblemSchema = problemSchema.extend({
  since: z.iso.datetime(),
  /** When it was last announced, so that a long one is announced again. */
  announcedAt: z.iso.datetime(),
});
export type OpenProblem = z.infer<typeof openProblemSchema>;

/** What became of the problems between two looks. */
export type ProblemChanges = {
  readonly open: readonly OpenProblem[];
  /** To be told: new ones, and those that last. */
  readonly began: readonly OpenProblem[];
  readonly ended: readonly OpenProblem[];
};

/** Holds what is found `now` against what was open before: problems begin, last, and end. A lasting one is told again after `repeatMs`. */
export function problemChanges(
  before: readonly OpenProblem[],
  found: readonly Problem[],
  { now, repeatMs }: { readonly now: Date; readonly repeatMs: number },
): ProblemChanges {
  const at = now.toISOString();
  const known = new Map(before.map((problem) => [problem.id, problem]));
  const open = found.map((problem): OpenProblem => {
    const earlier = known.get(problem.id);
    const isDue = earlier === undefined || now.getTime() - Date.parse(earlier.announcedAt) >= repeatMs;
    return { ...problem, since: earlier?.since ?? at, announcedAt: isDue ? at : earlier.announcedAt };
  });
  const stillOpen = new Set(open.map(({ id }) => id));
  return {
    open,
    began: open.filter(({ announcedAt }) => announcedAt === at),
    ended: before.filter(({ id }) => !stillOpen.has(id)),
  };
}
