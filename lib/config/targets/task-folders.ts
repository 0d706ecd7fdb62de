import type { EngineName } from '../../core/vocabulary.ts';

/** The folders below `tasks/` that an engine's images are made from: of backups, of restores, and of restore tests. */
export type TaskFolders = { readonly work: string; readonly restore: string; readonly restoreTest: string };

/** What an engine without needs of its own has. A backup of a whole cluster is recovered by a server, so restores have the image that has those. */
export const usualTaskFolders: TaskFolders = { work: 'holdfast', restore: 'restore-test', restoreTest: 'restore-test' };

/** Engines whose tools are in images of their own, because the others have no use for them. */
const special: Readonly<Partial<Record<EngineName, TaskFolders>>> = {};

/** Where the images of an engine's tasks are made. */
export const taskFoldersOf = (engine: EngineName): TaskFolders => special[engine] ?? usualTaskFolders;

/** Every folder below `tasks/`. */
export const taskFolders: readonly string[] = [
  ...new Set(
    [usualTaskFolders, ...Object.values(special)].flatMap(({ work, restore, restoreTest }) => [
      work,
      restore,
      restoreTest,
    ]),
  ),
];

/** What an engine brings beside its part of the one program. */
export type TaskExtras = {
  /** Programs of its threads, by the name of their file beside the program; and where their sources are. */
  readonly programs: Readonly<Record<string, string>>;
  /** Packages that are loaded at run time, because they are compiled. */
  readonly packages: readonly string[];
  /** What those need on the platform of the tasks; a machine of another kind has not installed it. */
  readonly platformPackages: readonly string[];
};

const extras: Readonly<Partial<Record<EngineName, TaskExtras>>> = {
  application: {
    programs: { 'read-worker': 'lib/engines/application/tree/read-worker.ts' },
    packages: ['koffi'],
    platformPackages: ['@koromix/koffi-linux-x64'],
  },
};

/** What those engines bring. @default - all */
export const taskExtrasOf = (engines?: readonly EngineName[]): readonly TaskExtras[] =>
  Object.entries(extras).flatMap(([engine, ofEngine]) =>
    engines === undefined || engines.includes(engine as EngineName) ? [ofEngine] : [],
  );
