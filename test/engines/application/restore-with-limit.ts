import { contextFor, restoreBackup, takeBackup } from './run-engine.ts';

// A program of its own: its files may not become as large as the tree's, and it tells how its restore ended.
process.on('SIGXFSZ', () => {});
const [, , source = '', copy = '', format] = process.argv;
const context = contextFor({ path: source });
const request =
  format === 'tar' ? ({ method: 'files', format } as const) : ({ method: 'incremental', format: 'chunks' } as const);
const saved = await takeBackup(context, request);
await restoreBackup(context, saved, { to: copy }).then(
  () => console.log('restored'),
  (error: unknown) => console.log(String(error)),
);
