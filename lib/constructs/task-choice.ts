import { createHash } from 'node:crypto';
import type { Target } from '../config/config.ts';
import type { Mount } from '../config/targets/mounts.ts';
import type { EcsService } from '../config/targets/service.ts';
import { type TaskFolders, taskFoldersOf, usualTaskFolders } from '../config/targets/task-folders.ts';
import type { Task } from './task.ts';

/** What a task is made of beside what all tasks of its kind are. */
export type TaskVariant = {
  readonly folder: string;
  readonly mounts: readonly Mount[];
  /** The service that it may stop and start. */
  readonly service?: EcsService;
};

type Wanted = { readonly variant: TaskVariant; readonly targets: readonly Target[] };

/**
 * The tasks of one kind of work: the usual one, and one for each set of targets that need another image, see file systems or have a service to
 * stop, so that a file system that cannot be mounted keeps no other target from being backed up, and no task may stop another's service. Admission says which of them a run takes.
 */
export class TaskChoice {
  readonly usual: Task;
  readonly all: readonly Task[];
  readonly #ofTarget: ReadonlyMap<string, Task>;

  /** `make` is called once for each variant, the usual one first, with the targets that take it; its id is safe in a construct tree. */
  constructor(
    targets: readonly Target[],
    work: keyof TaskFolders,
    make: (id: string, variant: TaskVariant, targets: readonly Target[]) => Task,
  ) {
    const usual: Wanted = { variant: { folder: usualTaskFolders[work], mounts: [] }, targets: [] };
    const usualKey = JSON.stringify(usual.variant);
    const wanted = new Map([[usualKey, usual]]);
    for (const target of targets) {
      // A restore test sees nothing of the source.
      const isOnSource = work !== 'restoreTest';
      const mounts = isOnSource ? (target.mounts ?? []) : [];
      const service = isOnSource ? target.service?.ecs : undefined;
      const folder = taskFoldersOf(target.engine)[work];
      const variant: TaskVariant = { folder, mounts, ...(service && { service }) };
      const key = JSON.stringify(variant);
      const { targets: others } = wanted.get(key) ?? { targets: [] };
      wanted.set(key, { variant, targets: [...others, target] });
    }
    const made = [...wanted].map(([key, one]) => ({
      targets: one.targets,
      task: make(key === usualKey ? '' : idOf(one.variant, key), one.variant, one.targets),
    }));
    this.all = made.map(({ task }) => task);
    this.usual = this.all[0] as Task;
    this.#ofTarget = new Map(made.flatMap(({ targets: own, task }) => own.map(({ name }) => [name, task] as const)));
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

/** Names the image where that is all, and otherwise stays the same for as long as mounts and service do. */
function idOf({ folder, mounts, service }: TaskVariant, key: string): string {
  const name = folder.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return mounts.length === 0 && service === undefined
    ? name
    : `${name}${createHash('sha256').update(key).digest('hex').slice(0, 8)}`;
}
