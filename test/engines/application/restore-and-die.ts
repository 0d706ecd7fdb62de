import { contextFor, restoreBackup, takeBackup } from './run-engine.ts';

// A program of its own: it restores a tree over itself, and is killed by the system in the middle.
const [, , source = '', format] = process.argv;
const context = contextFor({ path: source });
const request =
  format === 'tar' ? ({ method: 'files', format } as const) : ({ method: 'incremental', format: 'chunks' } as const);
const saved = await takeBackup(context, request);
const dying = {
  ...context,
  progress: ({ phase, bytes = 0 }: { readonly phase: string; readonly bytes?: number }) => {
    if (phase === 'restore' && bytes > 500_000) process.kill(process.pid, 'SIGKILL');
  },
};
await restoreBackup(dying, saved, { to: source, replace: true });
