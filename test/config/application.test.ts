import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../lib/config/load.ts';

const load = (targets: string, environment: Readonly<Record<string, string>> = {}) =>
  parseConfig(`store: { kind: file, path: ./vault }\nencryption: { keys: key-file }\ntargets:\n${targets}`, {
    file: '/etc/holdfast/holdfast.yaml',
    directory: '/etc/holdfast',
    environment,
  }).targets;

test('files are backed up whole, daily at five and on Sunday at four, unless something else is said', () => {
  const [target] = load('  - { name: app, engine: application, connection: { path: ./app } }', {
    APPLICATION_DAILY_RETENTION: '10',
  });

  assert.deepEqual(
    target?.backups.map(({ name, method, format, schedule, retentionDays }) => [
      name,
      method,
      format,
      schedule,
      retentionDays,
    ]),
    [
      ['app-daily-files', 'files', 'tar', '0 5 * * *', 10],
      ['app-weekly-files', 'files', 'tar', '0 4 * * 0', 28],
    ],
  );
});

test('paths of trees are taken from the folder of the configuration', () => {
  const [one, two] = load(`  - { name: one, engine: application, connection: { path: ../app } }
  - name: two
    engine: application
    connection: { trees: [{ name: www, path: www }, { name: mail, path: /var/mail }] }
    backups: [{ tier: daily, method: incremental, schedule: "0 5 * * *" }]`);

  assert.equal(one?.connection['path'], '/etc/app');
  const choice = { include: [], exclude: [], tolerate: [] };
  assert.deepEqual(two?.connection['trees'], [
    { name: 'www', path: '/etc/holdfast/www', ...choice },
    { name: 'mail', path: '/var/mail', ...choice },
  ]);
  assert.deepEqual(
    two?.backups.map(({ method, format }) => [method, format]),
    [['incremental', 'chunks']],
  );
});

test('the preset is the configuration file itself, and nothing that lies beside it', () => {
  const [target] = load('  - { name: settings, engine: application, connection: { preset: holdfast } }');

  assert.deepEqual(target?.connection['trees'], [
    { name: 'holdfast', path: '/etc/holdfast', include: ['/holdfast.yaml'], exclude: [], tolerate: [] },
  ]);
});

test('a target says once what it is, and its trees have different names', () => {
  const refused = (connection: string): string => {
    try {
      load(`  - { name: app, engine: application, connection: ${connection} }`);
    } catch (error) {
      return (error as Error).message;
    }
    return assert.fail('it was taken');
  };

  assert.match(refused('{ path: a, preset: holdfast }'), /say one of path, trees and preset/);
  assert.match(refused('{ exclude: [a] }'), /say one of path, trees and preset/);
  assert.match(refused('{ trees: [{ name: a, path: b }, { name: A, path: c }] }'), /a second tree is called 'a'/);
  assert.match(refused('{ path: a, excludes: [b] }'), /unknown key 'excludes'/);
});
