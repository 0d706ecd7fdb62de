import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { buildFolder, publish, withLock } from '../../lib/local/install-cache.ts';
import { type Progress, runInstaller } from '../../lib/local/run-installer.ts';
import { fromCache, fromEnvironment, fromPath } from './find.ts';
import { ServerMissing } from './server-missing.ts';

/** The servers that the tests run against: the Redis of Debian 12, today's Redis, and today's Valkey. */
export const testedServers = ['redis-7.0', 'redis-8', 'valkey'] as const;
export type TestedServer = (typeof testedServers)[number];

type Source = {
  readonly name: 'redis' | 'valkey';
  readonly suite: string;
  readonly variable: string;
  /** Of `redis-server --version`. */
  readonly version: RegExp;
};

const sources: Readonly<Record<TestedServer, Source>> = {
  'redis-7.0': { name: 'redis', suite: 'bookworm', variable: 'HOLDFAST_TEST_REDIS7', version: /v=7\.0\./ },
  'redis-8': { name: 'redis', suite: 'sid', variable: 'HOLDFAST_TEST_REDIS8', version: /v=8\./ },
  valkey: { name: 'valkey', suite: 'sid', variable: 'HOLDFAST_TEST_VALKEY', version: /v=(8\.1|9|\d\d)/ },
};

const script = path.resolve(import.meta.dirname, '../get-redis.sh');

/** The programs of a server and of its client. */
export type RedisPrograms = { readonly server: string; readonly cli: string };

/** A server's programs: those that are named, on PATH or in the cache, or else unpacked from Debian's packages now. */
export async function ensureRedis(which: TestedServer, progress: Progress): Promise<RedisPrograms> {
  const { name, variable, version } = sources[which];
  const programs = (folder: string): RedisPrograms => ({
    server: path.join(folder, `${name}-server`),
    cli: path.join(folder, `${name}-cli`),
  });
  const named = fromEnvironment(variable, `bin/${name}-server`);
  if (named) return programs(path.join(named, 'bin'));
  const onPath = fromPath(`${name}-server`);
  if (onPath && fromPath(`${name}-cli`) && version.test(versionOf(onPath))) return programs(path.dirname(onPath));
  const cached = () => fromCache(which, `bin/${name}-server`);
  const folder =
    cached() ??
    (await withLock(
      which,
      async () => cached() ?? (await unpack(which, progress)),
      () => progress(`waiting for another process that unpacks ${which}`),
    ));
  return programs(path.join(folder, 'bin'));
}

async function unpack(which: TestedServer, progress: Progress): Promise<string> {
  const { name, suite, variable } = sources[which];
  progress(`unpacking ${which} (once, some seconds)`);
  const folder = buildFolder(which);
  try {
    await runInstaller('/bin/bash', [script, name, suite, folder], { label: which, progress });
  } catch (cause) {
    rmSync(folder, { recursive: true, force: true });
    throw new ServerMissing(
      `the test server ${which} is missing, and could not be unpacked from Debian's packages`,
      [`set ${variable} to a folder whose bin/ holds ${name}-server and ${name}-cli`],
      { cause },
    );
  }
  publish(which, folder);
  return folder;
}

const versionOf = (program: string): string => {
  try {
    return execFileSync(program, ['--version'], { encoding: 'utf8' });
  } catch {
    return '';
  }
};
