import type { ContentWords } from './manifest.ts';

// By themselves, since threads that read files need no schemas: those are ten times as much code as the rest of such a thread.
export const tablesAndRows: ContentWords = { collection: 'table', item: 'row' };
export const foldersAndFiles: ContentWords = { collection: 'folder', item: 'file' };
