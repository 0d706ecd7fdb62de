import { on } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Leaving } from './canaries.ts';

/** PostgreSQL's client tools behind scripts that note what they were started with, and can be made to fail. */
export type WatchedTools = {
  /** For `HOLDFAST_PG_BIN`. */
  readonly folder: string;
  /** From now on dumps are written whole and their program then ends with exit code 3, or they stop after three megabytes, or all is well. */
  makeDumps(how: 'fail' | 'stall' | 'work'): void;
  /** Resolves when a dump that stalls has begun. */
  stalled(): Promise<void>;
  /** Arguments and environment of every tool that was started. */
  starts(): readonly Leaving[];
};

/** A folder of such tools below `root`, for those of `binDir`. */
export function watchedTools(root: string, binDir: string): WatchedTools {
  const folder = join(root, 'tools');
  const notes = join(root, 'tool-starts');
  const marks = join(root, 'marks');
  const [failing, stalling, stalled] = [join(marks, 'fail'), join(marks, 'stall'), join(marks, 'stalled')];
  for (const made of [folder, notes, marks]) mkdirSync(made);
  for (const tool of ['pg_dump', 'pg_dumpall', 'pg_restore', 'psql']) {
    const script = join(folder, tool);
    writeFileSync(
      script,
      `#!/bin/sh
cat /proc/$$/cmdline /proc/$$/environ > "${notes}/${tool}.$$"
if [ "${tool}" = pg_dump ] && [ -e "${failing}" ] && [ "$1" != --version ]; then
  "${join(binDir, tool)}" "$@"
  exit 3
fi
if [ "${tool}" = pg_dump ] && [ -e "${stalling}" ] && [ "$1" != --version ]; then
  "${join(binDir, tool)}" "$@" | { head -c 3000000; : > "${stalled}"; exec sleep 600; }
fi
exec "${join(binDir, tool)}" "$@"
`,
    );
    chmodSync(script, 0o755);
  }
  return {
    folder,
    makeDumps: (how) => {
      for (const mark of [failing, stalling, stalled]) rmSync(mark, { force: true });
      if (how === 'fail') writeFileSync(failing, '');
      if (how === 'stall') writeFileSync(stalling, '');
    },
    stalled: () => until(marks, () => existsSync(stalled)),
    starts: () =>
      existsSync(notes)
        ? readdirSync(notes).map((name) => ({
            where: `start of ${name.split('.')[0]}`,
            content: readFileSync(join(notes, name)),
          }))
        : [],
  };
}

/** Resolves when the condition holds, which is looked at whenever something changes in the folder. */
export async function until(folder: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const watcher = watch(folder);
  try {
    // From here on changes are kept, so that none is missed while the condition is looked at.
    const changes = on(watcher, 'change');
    if (await condition()) return;
    for await (const _ of changes) if (await condition()) return;
  } finally {
    watcher.close();
  }
}
