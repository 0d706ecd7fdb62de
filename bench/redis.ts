import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '../lib/config/load.ts';
import { Bundle } from '../lib/constructs/bundle.ts';
import type { Format } from '../lib/core/vocabulary.ts';
import { CommandWriter } from '../lib/engines/redis/protocol/command-writer.ts';
import { ensureKeyFile } from '../lib/keys/key-file.ts';
import { type RedisServer, redisServer } from '../test/servers/redis.ts';
import { type BenchStore, benchFolder, directoryPlaces, minioPlaces } from './backup-stores.ts';
import { type BenchRow, rowOf, type Sample } from './bench-row.ts';
import { admit, measureProgram, targetName } from './holdfast-backup.ts';
import { measureScript } from './measure-command.ts';
import { benchRounds, benchScale } from './scale.ts';

const keyCount = Math.round(2_000_000 * benchScale);

/**
 * An RDB backup of 2 M keys (1 GB) by the task's own program (encrypted, digested, read back) into MinIO, against `redis-cli --rdb` through zstd and an
 * upload; and a JSON export of 2 M small keys, against a loop of SCAN and DUMP with the official client, which writes nothing anywhere. Every round runs
 * each contender once, every second round in reverse.
 */
export async function run(): Promise<BenchRow[]> {
  await using folder = await benchFolder();
  await using minio = await minioPlaces();
  const bundle = new Bundle(loadConfig(join(import.meta.dirname, '../holdfast.example.yaml'), {}));
  const setting = { folder: folder.path, program: join(bundle.taskDirectory('holdfast'), 'main.mjs') };
  return [
    await rdbRow(setting, minio, true),
    await rdbRow(setting, minio, false),
    await jsonRow(setting, directoryPlaces(folder.path)),
  ];
}

type Setting = { readonly folder: string; readonly program: string };

async function rdbRow(setting: Setting, store: BenchStore, isReadBack: boolean): Promise<BenchRow> {
  await using server = await redisServer('redis-8');
  await fill(server, 500);
  return await compared({
    name: `Redis RDB to ${store.name}${isReadBack ? '' : ', without proof'}`,
    peerName: `redis-cli --rdb - | zstd -3 | ${store.uploadName}`,
    ours: () => measureOurs(setting, server, { store, format: 'rdb', isReadBack }),
    peer: async () => {
      await using place = await store.open();
      return await measureScript({
        script: `"${server.cli}" -p ${server.port} --rdb - 2> /dev/null | zstd -3 -q -c | ${place.upload}`,
        env: store.env,
      });
    },
  });
}

async function jsonRow(setting: Setting, store: BenchStore): Promise<BenchRow> {
  await using server = await redisServer('redis-8');
  await fill(server, 40);
  return await compared({
    name: `Redis JSON export to ${store.name}`,
    peerName: 'SCAN + DUMP with the official client, to nowhere',
    ours: () => measureOurs(setting, server, { store, format: 'json', isReadBack: true }),
    peer: () =>
      measureScript({
        script: `exec "${process.execPath}" "${import.meta.dirname}/redis-peer.ts" ${server.port}`,
        env: {},
      }),
  });
}

async function measureOurs(
  { folder, program }: Setting,
  server: RedisServer,
  { store, format, isReadBack }: { readonly store: BenchStore; readonly format: Format; readonly isReadBack: boolean },
): Promise<Sample> {
  await using place = await store.open();
  const file = join(folder, 'redis.yaml');
  await writeFile(
    file,
    `store: ${JSON.stringify(place.settings)}
encryption: { keys: key-file }
run: { validation: ${isReadBack} }
targets:
  - { name: ${targetName}, engine: redis, connection: { host: 127.0.0.1, port: ${server.port}, sslmode: disable } }
`,
  );
  const config = loadConfig(file, {});
  await ensureKeyFile(config.encryption.keyFile);
  const run = await admit(config, { method: 'snapshot', format });
  return await measureProgram({ folder, program, command: 'backup', run, config, env: store.env });
}

async function compared(options: {
  readonly name: string;
  readonly peerName: string;
  readonly ours: () => Promise<Sample>;
  readonly peer: () => Promise<Sample>;
}): Promise<BenchRow> {
  const { name, peerName, ours, peer } = options;
  const samples: { readonly ours: Sample; readonly peer: Sample }[] = [];
  for (let round = 0; round < benchRounds; round++) {
    const first = round % 2 === 0 ? ours : peer;
    const [one, other] = [await first(), await (first === ours ? peer : ours)()];
    const sample = first === ours ? { ours: one, peer: other } : { ours: other, peer: one };
    console.error(`${name}: ${sample.ours.seconds.toFixed(1)} s, ${peerName}: ${sample.peer.seconds.toFixed(1)} s`);
    samples.push(sample);
  }
  return rowOf({ name, peerName, unit: 's', samples, figureOf: ({ seconds }) => seconds });
}

/** Strings of words, numbers and noise, which compress to a third or so, as text and JSON do. */
async function fill(server: RedisServer, valueBytes: number): Promise<void> {
  await using session = await server.connect();
  const writer = new CommandWriter();
  let state = 4711;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >> 8) % below;
  };
  for (let index = 0; index < keyCount; index++) {
    let value = `{"id":${index},`;
    while (value.length < valueBytes) value += `"${words[next(words.length)]}":"${next(1_000_000).toString(36)}",`;
    writer.command('SET', `user:${index}:profile`, value.slice(0, valueBytes));
    if (index % 1000 === 999 || index === keyCount - 1) await session.send(writer.take(), (index % 1000) + 1, () => {});
  }
  await session.settled();
}

const words = ['name', 'email', 'address', 'created', 'updated', 'status', 'balance', 'currency', 'locale', 'session'];
