import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { before, test } from 'node:test';
import { promisify } from 'node:util';
import { ensureDebianPrograms } from '../../scripts/servers/debian-programs.ts';
import { ensurePythonPackages } from '../../scripts/servers/python-packages.ts';
import { ensureRedis } from '../../scripts/servers/redis.ts';
import { openInstallation } from '../conformance/installation.ts';
import { fillWithEverything } from '../engines/redis/everything.ts';
import { claimedPort } from '../servers/claimed-port.ts';
import { redisServer } from '../servers/redis.ts';

const document = await readFile(new URL('../../docs/restore-without-holdfast.md', import.meta.url), 'utf8');
type Format = 'rdb' | 'aof' | 'json';

/** The steps of every engine, the first of which the reader fills in, and those of Redis that are for the format. */
function commandsFor(format: Format): { readonly choices: string; readonly steps: readonly string[] } {
  const blocksOf = (text: string, isWanted: (words: readonly string[]) => boolean): string[] =>
    [...text.matchAll(/^```sh( [a-z ]+)?\n([\s\S]*?)^```$/gm)].flatMap(([, words = '', block = '']) =>
      isWanted(words.trim().split(' ')) ? [block] : [],
    );
  const [common = '', redis = ''] = [
    document.slice(0, document.indexOf('## 5.')),
    document.slice(document.indexOf('## Redis')),
  ];
  const [choices = '', ...steps] = blocksOf(common, ([word]) => word === '');
  return { choices, steps: [...steps, ...blocksOf(redis, (words) => words.includes(format))] };
}

let venv: string;

before(async () => {
  await ensureDebianPrograms({ jq: 'jq', zstd: 'zstd', openssl: 'openssl' }, (line) => console.error(line));
  const packages = /pip install --quiet (.+)/.exec(document)?.[1]?.split(' ') ?? [];
  venv = await ensurePythonPackages(packages, (line) => console.error(line));
});

/** Backs up a server that has everything, and follows the document; resolves with what the commands printed. */
async function follow(format: Format, port: number): Promise<string> {
  await using source = await redisServer('redis-7.0');
  await fillWithEverything(source, 'redis-7.0');
  const targets = `  - { name: source, engine: redis, connection: { host: 127.0.0.1, port: ${source.port}, sslmode: disable } }\n`;
  await using installation = await openInstallation({ algorithm: 'aes-256-gcm', targets });
  const manifest = await installation.backUp({ method: 'snapshot', format, execution: 'document' });
  const folder = path.dirname(installation.configFile);
  const [work, data] = [path.join(folder, 'work'), path.join(folder, 'data')];
  for (const made of [work, data]) await mkdir(made);
  await symlink(venv, path.join(work, 'venv'));
  const values: Readonly<Record<string, string>> = {
    STORE: path.join(folder, 'vault'),
    TARGET: manifest.target,
    BACKUP: manifest.backupId,
    KEY_FILE: path.join(folder, 'holdfast.key'),
    WORK: work,
    DATA: data,
  };
  const { choices, steps } = commandsFor(format);
  const script = path.join(folder, 'follow.sh');
  const text = [choices, ...steps].join('\n');
  await writeFile(
    script,
    text.replaceAll(/^([A-Z_]+)=\S+/gm, (line, name: string) =>
      values[name] === undefined ? line : `${name}='${values[name]}'`,
    ),
  );
  const programs = path.dirname((await ensureRedis('redis-7.0', () => {})).cli);
  const { stdout, stderr } = await promisify(execFile)('bash', ['-euo', 'pipefail', script], {
    env: {
      PATH: `${programs}:${process.env['PATH']}`,
      HOME: folder,
      LC_ALL: 'C.UTF-8',
      PORT: String(port),
      PIP_NO_INDEX: '1',
      PIP_DISABLE_PIP_VERSION_CHECK: '1',
    },
  });
  return stdout + stderr;
}

test('an RDB file starts a server that keeps an append-only file from then on, with every key', async () => {
  const { port } = await claimedPort();
  const { cli } = await ensureRedis('redis-7.0', () => {});
  const ask = async (...command: readonly string[]) =>
    (await promisify(execFile)(cli, ['-p', String(port), ...command])).stdout;
  try {
    const printed = await follow('rdb', port);

    assert.doesNotMatch(printed, /STOP|DIFFERS/);
    assert.match(printed, /RDB looks OK/);
    assert.match(printed, /^as many keys as were backed up$/m);
    assert.match(await ask('info', 'persistence'), /aof_enabled:1/);
    assert.equal((await ask('llen', 'long list')).trim(), '5000');
  } finally {
    // Even while it writes its first append-only file, at which it would refuse to go.
    await ask('shutdown', 'nosave', 'now', 'force').catch(() => undefined);
  }
});

test('commands fill a server that runs', async () => {
  await using server = await redisServer('redis-7.0');

  const printed = await follow('aof', server.port);

  assert.doesNotMatch(printed, /STOP|DIFFERS/);
  assert.match(printed, /errors: 0,/);
  assert.match(printed, /^as many keys as were backed up$/m);
});

test('jq counts the keys of a JSON export', async () => {
  const printed = await follow('json', 1);

  assert.doesNotMatch(printed, /STOP/);
  assert.match(printed, /^db0 string: 15$/m);
  assert.match(printed, /^db5 string: 1$/m);
});
