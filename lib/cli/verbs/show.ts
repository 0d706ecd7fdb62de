import type { Manifest } from '../../core/manifest.ts';
import type { Hold } from '../../core/retention/facts.ts';
import { currentHold } from '../../lifecycle/hold-backup.ts';
import { readManifest } from '../../store/backups.ts';
import type { CliContext } from '../context.ts';
import { direct, namedBackup } from '../direct.ts';
import { bytes, duration, oneLine, printable, table } from '../output.ts';

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
    `taken     ${manifest.beganAt} to ${manifest.endedAt} (${duration(seconds)}), asked for by ${manifest.requestedBy.name ?? manifest.requestedBy.kind}`,
    `size      ${bytes(manifest.plainBytes)}, stored ${bytes(manifest.storedBytes)}`,
    `encrypted ${manifest.encryption.algorithm}${key ? ` under ${key.provider} key ${key.keyId}` : ''}`,
    `kept      until ${manifest.retention.until}`,
    ...(hold === null ? [] : [`held      since ${hold.since} by '${printable(hold.by)}': ${oneLine(hold.reason)}`]),
    '',
    ...table(
      ['PART', 'NAME', 'STATUS', 'SIZE', 'STORED', 'OBJECTS', 'TABLES', 'ROWS'],
      manifest.streams.map((stream) => [
        stream.kind,
        printable(stream.name),
        stream.status,
        bytes(stream.plainBytes),
        bytes(stream.storedBytes),
        String(stream.objects.length),
        String(stream.content?.tables.length ?? ''),
        String(stream.content?.tables.reduce((sum, { rows }) => sum + rows, 0) ?? ''),
      ]),
    ),
    ...manifest.streams.flatMap(({ kind, name, error }) =>
      error ? ['', `${kind} '${name}' failed: [${error.code}] ${error.message}`, `HINT: ${error.hint}`] : [],
    ),
    ...(tables ? ['', ...tableContents(manifest)] : []),
  ];
}

const tableContents = (manifest: Manifest): string[] =>
  table(
    ['DATABASE', 'TABLE', 'ROWS', 'SIZE', 'DIGEST'],
    manifest.streams.flatMap(({ name, content }) =>
      (content?.tables ?? []).map((entry) => [
        name,
        printable(`${entry.schema}.${entry.name}`),
        String(entry.rows),
        bytes(entry.bytes),
        entry.digest,
      ]),
    ),
  );
