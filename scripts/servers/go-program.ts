import { rmSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder } from '../../lib/config/cache-folder.ts';
import { buildFolder, publish, withLock } from '../../lib/local/install-cache.ts';
import { type Progress, runInstaller } from '../../lib/local/run-installer.ts';
import { fromCache, fromEnvironment, fromPath, isProgram } from './find.ts';
import { ServerMissing } from './server-missing.ts';

/** A server program that is built from its Go module at a pinned version and kept in the cache. */
export type GoProgram = {
  readonly program: string;
  readonly module: string;
  readonly version: string;
  readonly variable: string;
  readonly minutes: string;
};

/** The absolute path of the program: from the environment variable, the cache, or built now. */
export async function ensureGoProgram(wanted: GoProgram, progress: Progress): Promise<string> {
  const named = fromEnvironment(wanted.variable, '');
  if (named) return named;
  const name = `${wanted.program}-${wanted.version}`;
  const cached = () => fromCache(name, wanted.program);
  const found = cached();
  if (found) return path.join(found, wanted.program);

  return withLock(
    name,
    async () => {
      const already = cached();
      if (already) return path.join(already, wanted.program);
      return path.join(await build(wanted, name, progress), wanted.program);
    },
    () => progress(`waiting for another process that builds ${wanted.program}`),
  );
}

async function build(wanted: GoProgram, name: string, progress: Progress): Promise<string> {
  const target = `${wanted.module}@${wanted.version}`;
  const cures = [
    `install Go (https://go.dev/dl) and run again: it is built once by 'go install ${target}'`,
    `or set ${wanted.variable} to the path of a ${wanted.program} program`,
  ];
  const go = fromPath('go') ?? ['/usr/local/go/bin/go', '/opt/homebrew/bin/go'].find(isProgram);
  if (!go)
    throw new ServerMissing(
      `the test server ${wanted.program} is not installed, and there is no Go to build it`,
      cures,
    );
  progress(`building ${wanted.program} (once, ${wanted.minutes} minutes): go install ${target}`);
  const folder = buildFolder(name);
  try {
    await runInstaller(go, ['install', target], {
      env: { ...process.env, GOBIN: folder },
      label: wanted.program,
      progress,
    });
  } catch (cause) {
    rmSync(folder, { recursive: true, force: true });
    throw new ServerMissing(`building the test server ${wanted.program} failed`, cures, { cause });
  }
  publish(name, folder);
  progress(`built ${wanted.program} in ${cacheFolder()}`);
  return folder;
}
