import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Manifest } from '../../lib/core/manifest.ts';
import { type Installation, openInstallation } from '../conformance/installation.ts';
import { noise } from '../engines/application/odd-tree.ts';
import type { Wanted } from './application-program.ts';
import { seededRandom } from './task-processes.ts';

const MiB = 1024 * 1024;
const fileBytes = 3 * MiB;

suite('tasks of application files that are killed at a byte by chance', { concurrency: false }, () => {
  const random = seededRandom();
  let folder: string;
  let installation: Installation;
  let executions = 0;
  const pathOf = (name: string): string => join(folder, name, 'app');

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-killed-'));
    for (const name of ['source', 'destination']) mkdirSync(pathOf(name), { recursive: true });
    for (let index = 0; index < 8; index++)
      writeFileSync(join(pathOf('source'), `large-${index}`), noise(fileBytes, index));
    for (let index = 0; index < 300; index++) writeFileSync(join(pathOf('source'), `small-${index}`), `${index}\n`);
    const target = (name: string): string =>
      `  - { name: ${name}, engine: application, connection: { path: ${pathOf(name)} } }\n`;
    installation = await openInstallation({
      algorithm: 'aes-256-gcm',
      targets: target('source') + target('destination'),
    });
  });
  after(async () => {
    await installation?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What a child does until there are so many bytes in a folder; then it is killed. Says whether it was, or had ended before. */
  async function killedAt(wanted: Wanted, place: string, bytes: number): Promise<boolean> {
    const program = join(import.meta.dirname, 'application-program.ts');
    const child = spawn(process.execPath, [program, installation.configFile, JSON.stringify(wanted)], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const ended = once(child, 'exit');
    while (child.exitCode === null && bytesIn(place) < bytes) await delay(1);
    child.kill('SIGKILL');
    const [, signal] = await ended;
    return signal === 'SIGKILL';
  }

  const vault = (): string => join(installation.configFile, '../vault');
  /** The backups that the store lists, each of which has to be whole. */
  const believed = (): Promise<readonly string[]> =>
    installation.within(async ({ store }) => {
      const keys: string[] = [];
      for await (const { key } of store.list('backups/')) if (key.endsWith('/manifest.json')) keys.push(key);
      return keys;
    });

  /** A backup that is killed when so much of it is in the store, and then taken again. */
  async function backUpKilled(kind: Pick<Manifest, 'method'> & { readonly format: 'tar' | 'chunks' }, bytes: number) {
    executions += 1;
    const backUp = { ...kind, execution: `killed-${executions}` };
    const before = await believed();

    const wasKilled = await killedAt({ backUp }, vault(), bytesIn(vault()) + Math.floor(random() * bytes));
    const between = await believed();
    const manifest = await installation.backUp(backUp);

    assert.ok(wasKilled, 'the backup had ended before it was killed');
    assert.deepEqual(between, before);
    assert.equal(manifest.status, 'complete');
    assert.deepEqual((await installation.validate(manifest)).problems, []);
    return manifest;
  }

  /** A restore that is killed when so much of it has been written, and then done again. */
  async function restoreKilled(manifest: Manifest, bytes: number): Promise<void> {
    const place = join(folder, 'destination');
    rmSync(pathOf('destination'), { recursive: true });
    mkdirSync(pathOf('destination'));
    writeFileSync(join(pathOf('destination'), 'of before'), 'as it was');

    const wasKilled = await killedAt(
      { restore: manifest, run: { replace: true } },
      place,
      Math.floor(random() * bytes) + 10,
    );
    const between = readdirSync(pathOf('destination'));
    await installation.restore(manifest, { replace: true });

    assert.ok(wasKilled, 'the restore had ended before it was killed');
    assert.deepEqual(between, ['of before']);
    execFileSync('diff', ['--recursive', pathOf('source'), pathOf('destination')]);
    assert.deepEqual(readdirSync(place), ['app']);
  }

  test('whole trees: nothing half is listed, and the next attempt is whole', async () => {
    const manifest = await backUpKilled({ method: 'files', format: 'tar' }, 5 * fileBytes);
    await restoreKilled(manifest, 5 * fileBytes);
    await restoreKilled(manifest, 5 * fileBytes);
  });

  test('chains of incremental backups: nothing half is listed or built on, and the next attempt is whole', async () => {
    const kind = { method: 'incremental', format: 'chunks' } as const;
    const full = await backUpKilled(kind, 5 * fileBytes);
    for (const index of [1, 2, 3, 4])
      writeFileSync(join(pathOf('source'), `large-${index}`), noise(fileBytes, 10 + index));

    const next = await backUpKilled(kind, 2 * fileBytes);

    assert.equal(next.parent, full.backupId);
    await restoreKilled(next, 5 * fileBytes);
  });
});

function bytesIn(folder: string): number {
  // What is looked at is written to by another, and may be gone a moment later.
  const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  try {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    return files.reduce((sum, { parentPath, name }) => sum + sizeOf(join(parentPath, name)), 0);
  } catch {
    return 0;
  }
}
