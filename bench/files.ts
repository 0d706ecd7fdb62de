import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '../lib/config/load.ts';
import { Bundle } from '../lib/constructs/bundle.ts';
import { ensureKeyFile } from '../lib/keys/key-file.ts';
import { releaseLeases } from '../lib/lifecycle/release-leases.ts';
import { openStore } from '../lib/store/open-store.ts';
import { ensureDebianPrograms } from '../scripts/servers/debian-programs.ts';
import { benchFolder, directoryPlaces } from './backup-stores.ts';
import { type BenchRow, rowOf, type Sample } from './bench-row.ts';
import { admit } from './holdfast-backup.ts';
import { measureScript } from './measure-command.ts';
import { benchRounds, benchScale } from './scale.ts';

/**
 * A tree of 50,000 small files and 2 GB of large ones, half of which do not compress: whole, by the task's own program (encrypted, digested, read
 * back) against `tar | zstd`; and incrementally, first and after one file in a hundred and a hundredth of each large one has changed, against `restic`.
 */
export async function run(): Promise<BenchRow[]> {
  await ensureDebianPrograms({ tar: 'tar', zstd: 'zstd', restic: 'restic' }, (line) => console.error(line));
  await using folder = await benchFolder();
  const tree = join(folder.path, 'tree');
  await makeTree(tree);
  const bundle = new Bundle(loadConfig(join(import.meta.dirname, '../holdfast.example.yaml'), {}));
  const program = join(bundle.taskDirectory('holdfast'), 'main.mjs');

  const rows = {
    whole: { name: 'files, whole', peerName: 'tar | zstd -3 -T2 > file', samples: [] as Pair[] },
    unread: { name: 'files, whole, without read-back', peerName: 'tar | zstd -3 -T2 > file', samples: [] as Pair[] },
    first: { name: 'files, first incremental', peerName: 'restic backup, first', samples: [] as Pair[] },
    second: {
      name: 'files, incremental after 1 % of change',
      peerName: 'restic backup, second',
      samples: [] as Pair[],
    },
  };
  for (let round = 0; round < benchRounds; round++) {
    const tar = await told('tar', () => measureTar(folder.path, tree));
    for (const isReadBack of [true, false]) {
      await using ours = await openOurs({ folder: folder.path, program, tree, isReadBack });
      (isReadBack ? rows.whole : rows.unread).samples.push({
        ours: await told(`files, read-back ${isReadBack}`, () => ours.backUp('files')),
        peer: tar,
      });
    }
    await using ours = await openOurs({ folder: folder.path, program, tree, isReadBack: true });
    const restic = await openRestic(folder.path, tree);
    rows.first.samples.push({
      ours: await told('incremental, first', () => ours.backUp('incremental')),
      peer: await told('restic, first', restic),
    });
    await changeTree(tree, round);
    rows.second.samples.push({
      ours: await told('incremental, second', () => ours.backUp('incremental')),
      peer: await told('restic, second', restic),
    });
  }
  return Object.values(rows).map((row) => rowOf({ ...row, unit: 's', figureOf: ({ seconds }) => seconds }));
}

type Pair = { readonly ours: Sample; readonly peer: Sample };

async function told(name: string, measure: () => Promise<Sample>): Promise<Sample> {
  const sample = await measure();
  console.error(`${name}: ${sample.seconds.toFixed(1)} s, ${JSON.stringify(sample)}`);
  return sample;
}

const smallFiles = Math.round(50_000 * benchScale);
const largeFiles = 8;
const largeBytes = Math.max(1, Math.round(256 * benchScale)) * 1024 ** 2;

/** Text of words, the same every time: it compresses as text does. */
function textOf(length: number, seed: number): Buffer {
  let state = seed + 1;
  const words: string[] = [];
  for (let characters = 0; characters < length; ) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    const word = `${(state % 5000).toString(36)}${state % 7 === 0 ? '\n' : ' '}`;
    words.push(word);
    characters += word.length;
  }
  return Buffer.from(words.join('')).subarray(0, length);
}

async function makeTree(tree: string): Promise<void> {
  const text = textOf(4 * 1024 ** 2, 1);
  for (let index = 0; index < smallFiles; index++) {
    const at = join(tree, 'small', String(index % 10), String(index % 250));
    if (index < 250) await mkdir(at, { recursive: true });
    const length = 200 + ((index * 7919) % 12_000);
    const start = (index * 104_729) % (text.length - length);
    await writeFile(join(at, `${index}.txt`), text.subarray(start, start + length));
  }
  await mkdir(join(tree, 'large'));
  for (let index = 0; index < largeFiles; index++) {
    await using file = await open(join(tree, 'large', String(index)), 'w');
    for (let at = 0; at < largeBytes; at += 1024 ** 2)
      await file.write((at / 1024 ** 2) % 2 === 0 ? randomBytes(1024 ** 2) : text.subarray(0, 1024 ** 2));
  }
}

/** One small file in a hundred is written anew, and a hundredth of each large one, at one place. */
async function changeTree(tree: string, round: number): Promise<void> {
  for (let index = round; index < smallFiles; index += 100)
    await writeFile(
      join(tree, 'small', String(index % 10), String(index % 250), `${index}.txt`),
      `round ${round}, ${index}`,
    );
  for (let index = 0; index < largeFiles; index++) {
    await using file = await open(join(tree, 'large', String(index)), 'r+');
    await file.write(randomBytes(Math.round(largeBytes / 100)), 0, undefined, Math.round((largeBytes * round) / 4));
  }
}

async function measureTar(folder: string, tree: string): Promise<Sample> {
  await using place = await directoryPlaces(folder).open();
  return await measureScript({
    script: `tar --create --format=posix --directory "${tree}" . | zstd -3 -T2 -q -c | ${place.upload}`,
    env: {},
  });
}

/** A repository of restic's; each call takes a backup of the tree into it. */
async function openRestic(folder: string, tree: string): Promise<() => Promise<Sample>> {
  const repository = join(folder, `restic-${randomBytes(4).toString('hex')}`);
  const env = {
    RESTIC_REPOSITORY: repository,
    RESTIC_PASSWORD: 'bench',
    RESTIC_CACHE_DIR: join(folder, 'cache'),
    HOME: folder,
  };
  await measureScript({ script: 'restic init --quiet', env });
  return () => measureScript({ script: `restic backup --quiet "${tree}" && sync -f "${repository}"`, env });
}

type Ours = AsyncDisposable & { readonly backUp: (method: 'files' | 'incremental') => Promise<Sample> };

async function openOurs(options: {
  readonly folder: string;
  readonly program: string;
  readonly tree: string;
  readonly isReadBack: boolean;
}): Promise<Ours> {
  const { folder, program, tree, isReadBack } = options;
  const place = await directoryPlaces(folder).open();
  const configFile = join(folder, 'files.yaml');
  await writeFile(
    configFile,
    `store: ${JSON.stringify(place.settings)}
encryption: { keys: key-file }
run: { validation: ${isReadBack} }
targets: [{ name: bench, engine: application, connection: { path: ${tree} } }]
`,
  );
  const config = loadConfig(configFile, {});
  await ensureKeyFile(config.encryption.keyFile);
  await writeFile(join(folder, 'files.json'), JSON.stringify(config));
  return {
    async backUp(method) {
      const run = await admit(config, { method }, randomBytes(4).toString('hex'));
      const usageFile = join(folder, 'files.usage.json');
      const sample = await measureScript({
        script: `exec "${process.execPath}" --import "${import.meta.dirname}/report-usage.ts" "${program}" backup`,
        env: {
          HOLDFAST_CONFIG: join(folder, 'files.json'),
          HOLDFAST_RUN: JSON.stringify(run),
          HOLDFAST_BENCH_USAGE: usageFile,
        },
      });
      const store = await openStore(config.store);
      await releaseLeases({ store, clock: () => new Date() }, run).finally(() => store.close());
      return { ...sample, ...(JSON.parse(await readFile(usageFile, 'utf8')) as Pick<Sample, 'rssMiB'>) };
    },
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}
