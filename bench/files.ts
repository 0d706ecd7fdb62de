import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { loadConfig } from '../lib/config/load.ts';
import { Bundle } from '../lib/constructs/bundle.ts';
import { ensureDebianPrograms } from '../scripts/servers/debian-programs.ts';
import { benchFolder, directoryPlaces } from './backup-stores.ts';
import { type BenchRow, rowOf, type Sample } from './bench-row.ts';
import { changeTree, makeTree } from './file-tree.ts';
import { openOurs } from './holdfast-files.ts';
import { measureScript } from './measure-command.ts';
import { benchRounds } from './scale.ts';

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
    unread: { name: 'files, whole, without proof', peerName: 'tar | zstd -3 -T2 > file', samples: [] as Pair[] },
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
