import type { EngineName } from '../../core/vocabulary.ts';

/** The folders below `tasks/` that an engine's images are made from: of backups and restores, and of restore tests. */
export type TaskFolders = { readonly work: string; readonly restoreTest: string };

/** What an engine without needs of its own has. */
export const usualTaskFolders: TaskFolders = { work: 'holdfast', restoreTest: 'restore-test' };

/** Engines whose tools are in images of their own, because the others have no use for them. */
const special: Readonly<Partial<Record<EngineName, TaskFolders>>> = {};

/** Where the images of an engine's tasks are made. */
export const taskFoldersOf = (engine: EngineName): TaskFolders => special[engine] ?? usualTaskFolders;

/** Every folder below `tasks/`. */
export const taskFolders: readonly string[] = [
  ...new Set([usualTaskFolders, ...Object.values(special)].flatMap(({ work, restoreTest }) => [work, restoreTest])),
];
