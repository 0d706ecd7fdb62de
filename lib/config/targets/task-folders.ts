import type { EngineName } from '../../core/vocabulary.ts';

/** The folders below `tasks/` that an engine's images are made from: of backups, of restores, and of restore tests. */
export type TaskFolders = { readonly work: string; readonly restore: string; readonly restoreTest: string };

/** What an engine without needs of its own has. A backup of a whole cluster is recovered by a server, so restores have the image that has those. */
export const usualTaskFolders: TaskFolders = { work: 'holdfast', restore: 'restore-test', restoreTest: 'restore-test' };

/** Engines whose tools are in images of their own, because the others have no use for them. */
const special: Readonly<Partial<Record<EngineName, TaskFolders>>> = {
  neo4j: { work: 'neo4j', restore: 'neo4j', restoreTest: 'neo4j' },
};

/** Where the images of an engine's tasks are made. */
export const taskFoldersOf = (engine: EngineName): TaskFolders => special[engine] ?? usualTaskFolders;

/** Engines whose tools lock the files that they read, which takes the right to write to them. */
const lockers: readonly EngineName[] = ['neo4j'];

/** Does a backup of that engine need to write to the file systems that it reads? */
export const locksMounts = (engine: EngineName): boolean => lockers.includes(engine);

const recoverers: readonly EngineName[] = ['postgres'];

/** Does a restore of that engine's backups start a server in its task, which needs the disk for it, and goes on along a log? */
export const recoversInTask = (engine: EngineName): boolean => recoverers.includes(engine);

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
    programs: {
      'read-worker': 'lib/engines/application/tree/read-worker.ts',
      'write-worker': 'lib/engines/application/restore/write-worker.ts',
    },
    packages: ['koffi'],
    platformPackages: ['@koromix/koffi-linux-x64'],
  },
};

/** What those engines bring. @default - all */
export const taskExtrasOf = (engines?: readonly EngineName[]): readonly TaskExtras[] =>
  Object.entries(extras).flatMap(([engine, ofEngine]) =>
    engines === undefined || engines.includes(engine as EngineName) ? [ofEngine] : [],
  );
