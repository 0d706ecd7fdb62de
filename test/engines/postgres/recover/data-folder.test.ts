import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  fstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { mock, test } from 'node:test';
import {
  handOver,
  incompleteMark,
  openDataFolder,
  takeBack,
} from '../../../../lib/engines/postgres/recover/data-folder.ts';
import { holdName } from '../../../../lib/engines/postgres/recover/folder-hold.ts';
import { openFolder } from './cluster-source.ts';

test('what a failed restore takes back is its own: neither what lies beside it nor folders that others use by now', () => {
  using place = openFolder('data-folder');
  const data = openDataFolder(path.join(place.path, 'clusters', 'monday', 'data'));
  writeFileSync(path.join(data.path, 'PG_VERSION'), '17\n');
  // Another restore, into a folder beside it, has ended meanwhile.
  const other = path.join(place.path, 'clusters', 'tuesday');
  mkdirSync(other);
  writeFileSync(path.join(other, 'PG_VERSION'), '16\n');

  takeBack(data);

  assert.equal(existsSync(path.join(place.path, 'clusters', 'monday')), false);
  assert.equal(readFileSync(path.join(other, 'PG_VERSION'), 'utf8'), '16\n');
});

test('folders that were made for a restore go with it, and one that was there stays', () => {
  using place = openFolder('data-folder');
  const made = openDataFolder(path.join(place.path, 'a', 'b', 'c'));
  const there = path.join(place.path, 'there');
  mkdirSync(there);

  takeBack(made);
  takeBack(openDataFolder(there));

  assert.equal(existsSync(path.join(place.path, 'a')), false);
  assert.equal(existsSync(there), true);
});

test('a folder that a restore fills is refused to another, and is its own again when that has ended', async () => {
  using place = openFolder('data-folder');
  const folder = path.join(place.path, 'data');
  const first = openDataFolder(folder);
  writeFileSync(path.join(folder, 'PG_VERSION'), '17\n');

  assert.throws(() => openDataFolder(folder), {
    code: 'lease-held',
    message: new RegExp(`^another restore is filling '${folder}': process ${process.pid} on '.+'$`),
  });
  assert.equal(readFileSync(path.join(folder, 'PG_VERSION'), 'utf8'), '17\n');
  await handOver([first]);
  assert.deepEqual(readdirSync(folder), ['PG_VERSION']);
  assert.throws(() => openDataFolder(folder), { code: 'target-not-empty' });
});

test('what is handed over is on the disk before the mark goes, and the mark is gone for good', async () => {
  using place = openFolder('data-folder');
  const folder = path.join(place.path, 'new', 'data');
  const data = openDataFolder(folder);
  mkdirSync(path.join(folder, 'base'));
  writeFileSync(path.join(folder, 'base', '16384'), 'rows');
  writeFileSync(path.join(folder, 'PG_VERSION'), '17\n');
  const synced: string[] = [];
  await using any = await open(folder);
  const { sync } = any;
  const spy = mock.method(Object.getPrototypeOf(any) as FileHandle, 'sync', async function (this: FileHandle) {
    const is = (one: string): boolean => sameFile(this.fd, one);
    const mark = existsSync(path.join(folder, incompleteMark)) ? 'marked' : 'whole';
    for (const name of ['base/16384', 'base', 'PG_VERSION', '.', '..', '../..'])
      if (is(path.join(folder, name))) synced.push(`${mark} ${name}`);
    return sync.call(this);
  });

  await handOver([data]).finally(() => spy.mock.restore());

  const files = ['marked PG_VERSION', 'marked base/16384'];
  assert.deepEqual(synced.slice(0, 2).sort(), files);
  assert.deepEqual(synced.slice(2, 4).sort(), ['marked .', 'marked base']);
  assert.deepEqual(synced.slice(4).sort(), ['marked ..', 'marked ../..', 'whole .']);
});

test('of several folders none is whole before all are, so that all can be taken back', async () => {
  using place = openFolder('data-folder');
  const tablespace = openDataFolder(path.join(place.path, 'tablespace'));
  const data = openDataFolder(path.join(place.path, 'data'));
  for (const one of [tablespace, data]) writeFileSync(path.join(one.path, 'PG_VERSION'), '17\n');
  // Another restore has taken it for given up.
  writeFileSync(path.join(data.path, holdName), 'another');

  await assert.rejects(handOver([tablespace, data]), { code: 'lease-lost' });
  const left = readdirSync(tablespace.path);
  takeBack(tablespace);

  assert.ok(left.includes(incompleteMark), left.join());
  assert.equal(existsSync(tablespace.path), false);
});

test('of eight processes that take over at once what a killed restore left, one gets it', async () => {
  using place = openFolder('data-folder');
  const folder = path.join(place.path, 'data');
  const taking = path.join(import.meta.dirname, 'take-folder.ts');
  const killed = spawn(process.execPath, [taking, folder, 'die'], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(killed, 'exit');
  const left = readdirSync(folder);

  const children = Array.from({ length: 8 }, () =>
    spawn(process.execPath, [taking, folder, 'stay'], { stdio: ['pipe', 'pipe', 'inherit'] }),
  );
  const words = await Promise.all(children.map(async (child) => String((await once(child.stdout, 'data'))[0])));
  for (const child of children) child.stdin.end();
  await Promise.all(children.map((child) => (child.exitCode === null ? once(child, 'exit') : undefined)));

  assert.ok(left.includes(holdName), left.join());
  assert.deepEqual(words.sort(), [...Array.from({ length: 7 }, () => 'lease-held\n'), 'taken\n']);
});

test('a restore on another machine is believed while it gives signs of life', () => {
  using place = openFolder('data-folder');
  const folder = path.join(place.path, 'shared');
  takeBack(openDataFolder(folder));
  mkdirSync(folder);
  const elsewhere = { pid: 7, process: '7 x', host: 'db-2', kernel: 'another' };
  const hold = path.join(folder, holdName);
  writeFileSync(hold, JSON.stringify(elsewhere));

  assert.throws(() => openDataFolder(folder), {
    code: 'lease-held',
    message: `another restore is filling '${folder}': process 7 on 'db-2'`,
  });
  const threeMinutesAgo = Date.now() / 1000 - 180;
  utimesSync(hold, threeMinutesAgo, threeMinutesAgo);
  takeBack(openDataFolder(folder));

  assert.deepEqual(readdirSync(folder), []);
});

function sameFile(fd: number, file: string): boolean {
  const one = fstatSync(fd);
  const other = statSync(file);
  return one.ino === other.ino && one.dev === other.dev;
}
