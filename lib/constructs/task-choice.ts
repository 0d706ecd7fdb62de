import { createHash } from 'node:crypto';
import type { Target } from '../config/config.ts';
import type { Mount } from '../config/targets/mounts.ts';
import { taskFoldersOf, usualTaskFolders } from '../config/targets/task-folders.ts';
import type { Task } from './task.ts';

/** What a task is made of beside what all tasks of its kind are. */
export type TaskVariant = { readonly folder: string; readonly mounts: readonly Mount[] };

/**
 * The tasks of one kind of work: the usual one, and one for each set of targets that need another image or see file systems, so that a file
 * system that cannot be mounted keeps no other target from being backed up. Admission says which of them a run takes.
 */
export class TaskChoice {
  readonly usual: Task;
  readonly all: readonly Task[];
  readonly #ofTarget: ReadonlyMap<string, Task>;

  /** `make` is called once for each variant, the usual one first; its id is safe in a construct tree. */
  constructor(
    targets: readonly Target[],
    work: 'work' | 'restoreTest',
    make: (id: string, variant: TaskVariant) => Task,
  ) {
    const usual: TaskVariant = { folder: usualTaskFolders[work], mounts: [] };
    const made = new Map([[JSON.stringify(usual), make('', usual)]]);
    const ofTarget = new Map<string, Task>();
    for (const target of targets) {
      // A restore test sees nothing of the source.
      const mounts = work === 'work' ? (target.mounts ?? []) : [];
      const variant: TaskVariant = { folder: taskFoldersOf(target.engine)[work], mounts };
      const key = JSON.stringify(variant);
      const task = made.get(key) ?? make(idOf(variant, key), variant);
      made.set(key, task);
      ofTarget.set(target.name, task);
    }
    this.all = [...made.values()];
    this.usual = this.all[0] as Task;
    this.#ofTarget = ofTarget;
  }

  /** The family of each target's task where it is not the usual one's, and that one's under the empty name. */
  families(): Readonly<Record<string, string>> {
    const special = [...this.#ofTarget].filter(([, task]) => task !== this.usual);
    return Object.fromEntries([
      ['', this.usual.definition.family],
      ...special.map(([target, task]) => [target, task.definition.family]),
    ]);
  }
}

/** Names the image where there are no mounts, and otherwise stays the same for as long as they do. */
function idOf({ folder, mounts }: TaskVariant, key: string): string {
  const name = folder.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return mounts.length === 0 ? name : `${name}${createHash('sha256').update(key).digest('hex').slice(0, 8)}`;
}
