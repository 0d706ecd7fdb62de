import { execFile } from 'node:child_process';
import {
  chmodSync,
  createReadStream,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { extract } from 'tar-stream';
import type { StreamRecord } from '../../../../lib/core/manifest.ts';
import type { LogCover, LogReader, RestorePlan } from '../../../../lib/engines/engine.ts';
import { formatLsn } from '../../../../lib/engines/postgres/replication/lsn.ts';
import { parseSegmentName } from '../../../../lib/engines/postgres/replication/wal-segments.ts';
import type { PostgresServer } from '../../../servers/postgres.ts';

const segmentBytes = 16 * 1024 * 1024;

type Facts = {
  readonly major: number;
  readonly startLsn: string;
  readonly endLsn: string;
  readonly tablespaces: readonly { readonly oid: string; readonly location: string }[];
};

/** A base backup as `pg_basebackup` takes it, in the form in which a restore is given one. */
export type TestBase = {
  readonly streams: RestorePlan['streams'];
  readonly major: number;
  readonly startLsn: string;
  readonly endLsn: string;
};

/** Takes a base backup of the server with the server's own program, into tars below `folder`. */
export async function takeBase(
  server: PostgresServer,
  folder: string,
  { major, extra = [] }: { readonly major: number; readonly extra?: readonly string[] },
): Promise<TestBase> {
  const { stderr } = await promisify(execFile)(
    path.join(server.binDir, 'pg_basebackup'),
    ['-d', server.url('postgres'), '-D', folder, '-Ft', '-X', 'fetch', '-c', 'fast', '-v', ...extra],
    { env: { LC_ALL: 'C' } },
  );
  const [, startLsn = ''] = /write-ahead log start point: (\S+) on timeline/.exec(stderr) ?? [];
  const [, endLsn = ''] = /write-ahead log end point: (\S+)/.exec(stderr) ?? [];
  const [, timeline = '1'] = /start point: \S+ on timeline (\d+)/.exec(stderr) ?? [];
  const places = await tablespacesIn(path.join(folder, 'base.tar'));
  const facts = {
    major,
    serverVersion: `${major}.0`,
    systemIdentifier: '1',
    timeline: Number(timeline),
    startLsn,
    endLsn,
    segmentBytes,
    fromStandby: false,
    checksums: true,
    tablespaces: places,
    sizeBytes: statSync(path.join(folder, 'base.tar')).size,
    snapshotAt: new Date(Date.now() - 60_000).toISOString(),
  };
  writeFileSync(path.join(folder, 'facts.json'), JSON.stringify(facts));
  return savedBase(folder);
}

/** A base that `takeBase` has left in the folder. */
export function savedBase(folder: string): TestBase {
  const facts = JSON.parse(readFileSync(path.join(folder, 'facts.json'), 'utf8')) as Facts;
  const { major, startLsn, endLsn, tablespaces: places } = facts;
  const stream = (file: string, about: Pick<StreamRecord, 'stream' | 'kind' | 'name' | 'format' | 'facts'>) => ({
    record: recordOf(about, statSync(file).size),
    destination: '',
    open: () => createReadStream(file, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Uint8Array>,
  });
  return {
    major,
    startLsn,
    endLsn,
    streams: [
      ...places.map(({ oid, location }) =>
        stream(path.join(folder, `${oid}.tar`), {
          stream: `tablespace-${oid}`,
          kind: 'tablespace',
          name: location,
          format: 'pg-tar',
          facts: { oid, location },
        }),
      ),
      stream(path.join(folder, 'base.tar'), {
        stream: 'cluster',
        kind: 'cluster',
        name: 'cluster',
        format: 'pg-tar',
        facts: facts as unknown as StreamRecord['facts'],
      }),
    ],
  };
}

function recordOf(
  about: Pick<StreamRecord, 'stream' | 'kind' | 'name' | 'format' | 'facts'>,
  plainBytes: number,
): StreamRecord {
  const at = new Date().toISOString();
  return {
    ...about,
    status: 'complete',
    beganAt: at,
    endedAt: at,
    compression: 'none',
    plainBytes,
    storedBytes: plainBytes,
    objects: [],
  };
}

async function tablespacesIn(tar: string): Promise<{ oid: string; location: string }[]> {
  const extractor = extract();
  createReadStream(tar).pipe(extractor);
  const places: { oid: string; location: string }[] = [];
  for await (const entry of extractor) {
    if (entry.header.name === 'tablespace_map') {
      let text = '';
      for await (const piece of entry as AsyncIterable<Buffer>) text += piece.toString();
      for (const line of text.split('\n').filter((one) => one !== '')) {
        const [oid = '', ...rest] = line.split(' ');
        places.push({ oid, location: rest.join(' ') });
      }
    } else entry.resume();
  }
  return places;
}

/** The streams with the cluster going into `folder`. */
export const into = ({ streams }: Pick<TestBase, 'streams'>, folder: string): RestorePlan['streams'] =>
  streams.map((stream) => ({ ...stream, destination: folder }));

/** An `archive_command` by which a file appears in the folder whole. */
export const archiveInto = (folder: string): string =>
  `cp %p "${folder}/%f.new" && mv "${folder}/%f.new" "${folder}/%f"`;

/** A log in a folder that `archive_command` or `pg_receivewal` fills. */
export function folderLog(folder: string, options: { readonly covered?: LogCover } = {}): LogReader {
  const fileOf = (name: string): string => {
    const whole = path.join(folder, name);
    return existsSync(whole) ? whole : `${whole}.partial`;
  };
  return {
    async timelines() {
      const whole = readdirSync(folder).filter((name) => !name.endsWith('.new'));
      const found = whole.map((name) => Number.parseInt(name.slice(0, 8), 16));
      return [...new Set(found)].filter((timeline) => Number.isFinite(timeline)).sort((a, b) => a - b);
    },
    async segments(timeline) {
      return readdirSync(folder)
        .filter((name) => /^[0-9A-F]{24}(\.partial)?$/.test(name) && Number.parseInt(name.slice(0, 8), 16) === timeline)
        .sort()
        .map((file) => {
          const name = file.slice(0, 24);
          const start = parseSegmentName(name, segmentBytes)?.start ?? 0n;
          const length = file.length === 24 ? segmentBytes : lengthOf(path.join(folder, file));
          return { name, from: formatLsn(start), to: formatLsn(start + BigInt(length)) };
        });
    },
    async history(timeline) {
      const file = path.join(folder, `${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`);
      return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
    },
    async *read(name) {
      const bytes = readFileSync(fileOf(name));
      const missing = segmentBytes - bytes.length;
      yield bytes;
      if (missing > 0) yield Buffer.alloc(missing);
    },
    covered: async () => options.covered,
  };
}

/** Up to the last byte that is not zero. */
function lengthOf(file: string): number {
  const bytes = readFileSync(file);
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === 0) length--;
  return length;
}

/** A folder of the test's own, open to the account of the servers. */
export function openFolder(name: string): { readonly path: string } & Disposable {
  const folder = mkdtempSync(path.join(tmpdir(), `holdfast-${name}-`));
  chmodSync(folder, 0o755);
  return { path: folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}
