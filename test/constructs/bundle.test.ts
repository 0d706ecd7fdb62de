import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { FileSystem } from 'aws-cdk-lib';
import { parseConfig } from '../../lib/config/load.ts';
import { Bundle } from '../../lib/constructs/bundle.ts';
import { keptPrograms } from '../../lib/constructs/kept-programs.ts';
import { functionNames } from '../../lib/constructs/programs.ts';
import { ordinary } from '../stacks/synthesize.ts';

const configIn = (directory: string) => parseConfig(ordinary, { file: 'holdfast.yaml', directory, environment: {} });
const bundle = new Bundle(configIn('/here'));

test('every function is one file with its map and the configuration beside it', () => {
  for (const name of functionNames) {
    assert.deepEqual(readdirSync(bundle.functionDirectory(name)).sort(), [
      'holdfast.json',
      'index.mjs',
      'index.mjs.map',
    ]);
  }
});

test('the context of each image is the programs, their maps, what they load, the configuration and how to build it', () => {
  for (const directory of [bundle.taskDirectory('holdfast'), bundle.taskDirectory('restore-test')]) {
    assert.deepEqual(readdirSync(directory).sort(), [
      '.dockerignore',
      'Dockerfile',
      'holdfast.json',
      'main.mjs',
      'main.mjs.map',
      'node_modules',
      'read-worker.mjs',
      'read-worker.mjs.map',
      'write-worker.mjs',
      'write-worker.mjs.map',
    ]);
  }
});

test('a program loads by itself, with nothing of the project beside it', async () => {
  const { handler } = (await import(join(bundle.functionDirectory('raise-failure'), 'index.mjs'))) as {
    handler: unknown;
  };

  assert.equal(typeof handler, 'function');
});

test('a bundle of the same configuration is the same to the byte, wherever the project lies', () => {
  const again = new Bundle(configIn('/elsewhere'));

  for (const name of functionNames) {
    assert.equal(
      FileSystem.fingerprint(again.functionDirectory(name)),
      FileSystem.fingerprint(bundle.functionDirectory(name)),
      name,
    );
  }
  assert.equal(
    FileSystem.fingerprint(again.taskDirectory('holdfast')),
    FileSystem.fingerprint(bundle.taskDirectory('holdfast')),
  );
});

/** Of what an earlier app has left, if one has, and of what is made of the sources in its place. Each bundling takes a dozen CPU seconds. */
const kept = keptPrograms();
const fingerprints = { kept: FileSystem.fingerprint(kept), anew: '' };

test('what is kept is made anew where a file of it is missing', () => {
  assert.equal(keptPrograms(), kept);
  const folder = dirname(kept);
  const keptBy = (record: string): { readonly folder: string } => JSON.parse(readFileSync(record, 'utf8'));
  const record = readdirSync(folder)
    .filter((name) => /^programs-.*\.json$/.test(name))
    .map((name) => join(folder, name))
    .find((file) => keptBy(file).folder === basename(kept));
  assert.ok(record);
  // A copy, because others that run meanwhile take their programs from what is kept.
  const torn = join(folder, `programs-${randomUUID()}`);
  cpSync(kept, torn, { recursive: true });
  rmSync(join(torn, 'api', 'index.mjs'));
  writeFileSync(`${torn}.json`, JSON.stringify({ ...keptBy(record), folder: basename(torn) }));
  renameSync(`${torn}.json`, record);

  const anew = keptPrograms();

  fingerprints.anew = FileSystem.fingerprint(anew);
  assert.ok(anew !== kept && anew !== torn);
  assert.ok(readdirSync(join(anew, 'api')).includes('index.mjs'));
  rmSync(torn, { recursive: true });
});

test('programs that were kept from an earlier app are those that the sources give now', () => {
  assert.equal(fingerprints.kept, fingerprints.anew);
});

test('no bundle names a path of the machine that it was made on', () => {
  const program = readFileSync(join(bundle.taskDirectory('holdfast'), 'main.mjs'), 'utf8');
  const map = readFileSync(join(bundle.taskDirectory('holdfast'), 'main.mjs.map'), 'utf8');

  assert.equal(program.includes(process.cwd()), false);
  assert.equal(map.includes(process.cwd()), false);
});
