import { resolve } from 'node:path';
import { demoFolder } from '../config/files.ts';
import { targetNameSchema } from '../core/ids.ts';
import { type Manifest, tablesAndRows } from '../core/manifest.ts';
import { readManifest } from '../store/backups.ts';
import { newestOutcome } from '../store/outcomes.ts';
import { onStdout } from './colours.ts';
import type { CliContext } from './context.ts';
import { direct } from './direct.ts';
import { type Machines, runBackupJob, runRestoreJob } from './jobs.ts';
import { bytes, counted, duration, printable, table } from './output.ts';

const target = targetNameSchema.parse('demo');
const database = 'shop';
const copy = 'shop_restored';

const files = { target: targetNameSchema.parse('demo-files'), copy: resolve(demoFolder, 'files_restored') };

/** What the first start shows: backups of the demo's database and files, restores of both beside them, and the comparisons, by the deployed state machines. */
export async function runDemoJob(context: CliContext, machines: Machines): Promise<void> {
  const { output } = context;
  const beganAt = performance.now();

  output.line(onStdout.bold(`\nBackup of target '${target}', by state machine`));
  const backup = await runBackupJob(context, machines, { target, requestedBy: { kind: 'user' } });
  const manifest = await direct(context, ({ store }) => readManifest(store, target, backup.run.backupId));
  for (const line of describeBackup(manifest)) output.line(line);

  output.line(onStdout.bold(`\nRestore of database '${database}' as '${copy}', by state machine`));
  const restore = await runRestoreJob(context, machines, {
    backup: manifest.backupId,
    target,
    databases: [database],
    as: copy,
    replace: true,
    requestedBy: { kind: 'user' },
  });
  const outcome = await direct(context, ({ store }) => newestOutcome(store, restore.run.recoveryId));
  for (const line of describeRestore(manifest, outcome)) output.line(line);

  await runFilesJob(context, machines);

  output.line(`\n${onStdout.bold('Done')} in ${duration((performance.now() - beganAt) / 1000)}. Try next:`);
  for (const line of nextCommands(manifest)) output.line(`  ${line}`);
}

/** The same for the tree of files. */
async function runFilesJob(context: CliContext, machines: Machines): Promise<void> {
  const { output } = context;
  output.line(onStdout.bold(`\nBackup of target '${files.target}', by state machine`));
  const backup = await runBackupJob(context, machines, { target: files.target, requestedBy: { kind: 'user' } });
  const manifest = await direct(context, ({ store }) => readManifest(store, files.target, backup.run.backupId));
  for (const line of describeBackup(manifest)) output.line(line);

  output.line(onStdout.bold(`\nRestore of the files to '${files.copy}', by state machine`));
  const restore = await runRestoreJob(context, machines, {
    backup: manifest.backupId,
    target: files.target,
    as: files.copy,
    replace: true,
    requestedBy: { kind: 'user' },
  });
  const outcome = await direct(context, ({ store }) => newestOutcome(store, restore.run.recoveryId));
  for (const { tables, rows, words = tablesAndRows, same, differences } of outcome?.restore?.databases ?? [])
    output.line(
      `  ${counted(tables, words.collection)}, ${counted(rows, words.item)}: ${same ? 'the copy is the same' : differences.join('; ')}`,
    );
}

function describeBackup({ backupId, plainBytes, storedBytes, streams }: Manifest): string[] {
  return [
    `  ${backupId}: ${bytes(plainBytes)} read, ${bytes(storedBytes)} stored, ratio ${(plainBytes / storedBytes).toFixed(2)}`,
    ...table(
      ['  PART', 'NAME', 'SIZE', 'STORED', 'FIRST OBJECT'],
      streams.map((stream) => [
        `  ${stream.kind}`,
        JSON.stringify(stream.name),
        bytes(stream.plainBytes),
        bytes(stream.storedBytes),
        stream.objects[0]?.key ?? '',
      ]),
    ),
  ];
}

function describeRestore(manifest: Manifest, outcome: Awaited<ReturnType<typeof newestOutcome>>): string[] {
  const compared = outcome?.restore?.databases.find(({ to }) => to === copy);
  const content = manifest.streams.find(({ kind, name }) => kind === 'database' && name === database)?.content;
  if (compared === undefined || content === undefined) return [];
  return [
    ...table(
      ['  TABLE', 'ROWS', 'SIZE', 'DIGEST', ''],
      content.tables.map(({ schema, name, rows, bytes: size, digest }) => [
        `  ${printable(`${schema}.${name}`)}`,
        String(rows),
        bytes(size),
        digest.slice(0, 16),
        compared.same ? 'same' : '',
      ]),
    ),
    ...compared.remarks.map((remark) => `  note: ${remark}`),
    `  ${counted(compared.tables, compared.words.collection)}, ${counted(compared.rows, compared.words.item)}${content.largeObjects ? `, ${content.largeObjects.rows} large objects` : ''}: ${compared.same ? 'the copy is the same' : compared.differences.join('; ')}`,
  ];
}

const nextCommands = ({ backupId }: Manifest): string[] => [
  'npx holdfast list',
  `npx holdfast show ${backupId} --tables`,
  `npx holdfast validate ${backupId}`,
  `npx holdfast export ${backupId} --output ./exported`,
  `npx holdfast backup ${target}`,
  'psql "$(npx holdfast catalog url)" -c "table backup_mgmt.backup_execution_s"   # while npm start runs',
];
