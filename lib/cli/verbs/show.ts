import { tablesAndRows } from '../../core/content-words.ts';
import { type Content, type Manifest, nameOfRequester } from '../../core/manifest.ts';
import type { Hold } from '../../core/retention/facts.ts';
import { shortened } from '../../core/shortened.ts';
import { currentHold } from '../../lifecycle/hold-backup.ts';
import { readManifest } from '../../store/backups.ts';
import type { CliContext } from '../context.ts';
import { direct, namedBackup } from '../direct.ts';
import { bytes, counted, duration, oneLine, printable, table } from '../output.ts';

type Options = { readonly backup: string; readonly target?: string; readonly tables?: boolean };

export async function run(context: CliContext, { backup, target, tables = false }: Options): Promise<number> {
  const { manifest, hold } = await direct(context, async (run) => {
    const found = await namedBackup(run, backup, target);
    const [manifest, hold] = await Promise.all([
      readManifest(run.store, found.target, found.id),
      currentHold(run.store, found.id),
    ]);
    return { manifest, hold };
  });
  context.output.result({ ...manifest, hold }, () => describe(manifest, hold, tables));
  return 0;
}

function describe(manifest: Manifest, hold: Hold | null, tables: boolean): string[] {
  const seconds = (Date.parse(manifest.endedAt) - Date.parse(manifest.beganAt)) / 1000;
  const key = manifest.encryption.wrappedKey;
  return [
    `${manifest.backupId}  ${manifest.engine} ${manifest.method} backup of '${manifest.target}', ${manifest.tier}, ${manifest.status}`,
    `taken     ${manifest.beganAt} to ${manifest.endedAt} (${duration(seconds)}), asked for by ${nameOfRequester(manifest.requestedBy)}`,
    `size      ${bytes(manifest.plainBytes)}, stored ${bytes(manifest.storedBytes)}`,
    `encrypted ${manifest.encryption.algorithm}${key ? ` under ${key.provider} key ${key.keyId}` : ''}`,
    `kept      until ${manifest.retention.until}`,
    ...(hold === null ? [] : [`held      since ${hold.since} by '${printable(hold.by)}': ${oneLine(hold.reason)}`]),
    '',
    ...table(
      ['PART', 'NAME', 'FORMAT', 'STATUS', 'SIZE', 'STORED', 'OBJECTS', 'CONTENT'],
      manifest.streams.map((stream) => [
        stream.kind,
        printable(stream.name),
        stream.format,
        stream.status,
        bytes(stream.plainBytes),
        bytes(stream.storedBytes),
        String(stream.objects.length),
        stream.content === undefined ? '' : describeContent(stream.content),
      ]),
    ),
    ...manifest.streams.flatMap(({ kind, name, error }) =>
      error ? ['', `${kind} '${name}' failed: [${error.code}] ${error.message}`, `HINT: ${error.hint}`] : [],
    ),
    ...manifest.streams.flatMap((stream) => describeOmissions(stream, tables)),
    ...(tables ? ['', ...tableContents(manifest)] : []),
  ];
}

/** What a part lacks, the first of it unless all is asked for, and what else is to be known of it. */
function describeOmissions(
  { kind, name, omissions, remarks = [] }: Manifest['streams'][number],
  isAll: boolean,
): string[] {
  const part = `${kind} '${printable(name)}'`;
  const listed = omissions?.listed.slice(0, isAll ? undefined : mostOmissions) ?? [];
  const more = (omissions?.count ?? 0) - listed.length;
  return [
    ...(omissions === undefined ? [] : ['', `${part} lacks ${omissions.count} of its files:`]),
    ...listed.map(
      ({ item, reason }) => `  '${isAll ? printable(item) : shortened(printable(item), widest)}' ${reason}`,
    ),
    ...(more > 0 ? [`  … and ${more} more${isAll ? '' : ' (--tables lists them, --json too)'}`] : []),
    ...(remarks.length === 0 ? [] : ['', ...remarks.map((remark) => `${part}: ${oneLine(remark)}`)]),
  ];
}

const mostOmissions = 20;

/** `18 tables, 329708 rows`; of what has definitions alone, as the users of a server, those: `2 ACL users`. */
function describeContent({ words = tablesAndRows, tables, definitions }: Content): string {
  const defined = Object.entries(definitions?.counts ?? {}).map(([kind, count]) => counted(count, kind));
  if (tables.length === 0 && defined.length > 0) return shortened(defined.join(', '), widest);
  const items = tables.reduce((sum, { rows }) => sum + rows, 0);
  return `${counted(tables.length, words.collection)}, ${counted(items, words.item)}`;
}

/** A node may have a thousand labels, and a column is as wide as its widest cell; --json has the whole. */
const widest = 100;

const tableContents = (manifest: Manifest): string[] =>
  table(
    ['PART', 'OF', 'CONTENT', 'COUNT', 'SIZE', 'DIGEST'],
    manifest.streams.flatMap(({ name, content }) =>
      (content?.tables ?? []).map((entry) => [
        printable(name),
        content?.words?.collection ?? tablesAndRows.collection,
        shortened(printable(entry.schema === '' ? entry.name : `${entry.schema}.${entry.name}`), widest),
        String(entry.rows),
        bytes(entry.bytes),
        entry.digest,
      ]),
    ),
  );
