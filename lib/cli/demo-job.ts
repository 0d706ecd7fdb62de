import type { TargetName } from '../core/ids.ts';
import { isCompanion, type Manifest } from '../core/manifest.ts';
import type { Outcome } from '../core/outcome.ts';
import { type Demo, demoRestores } from '../local/demo/demo.ts';
import type { DemoRestore } from '../local/demo/demo-source.ts';
import { readManifest } from '../store/backups.ts';
import { newestOutcome } from '../store/outcomes.ts';
import { onStdout } from './colours.ts';
import type { CliContext } from './context.ts';
import { direct } from './direct.ts';
import { type Machines, runBackupJob, runRestoreJob } from './jobs.ts';
import { bytes, counted, duration, printable, table } from './output.ts';

type Restored = NonNullable<Outcome['restore']>['databases'][number];

/**
 * What the first start shows of each target: a backup, a restore beside what is there, and the comparison, all by the deployed state
 * machines. Then what was left out, and what to try next.
 */
export async function runDemoJob(context: CliContext, machines: Machines, { leftOut, ready }: Demo): Promise<void> {
  const { output } = context;
  const beganAt = performance.now();
  const shown: Manifest[] = [];
  for (const { name, engine } of (await context.config()).targets) {
    const restore = demoRestores[name];
    if (restore === undefined) continue;
    await ready(name);
    shown.push(await runTarget(context, machines, { target: name, engine, ...restore }));
  }
  for (const { engine, why } of leftOut) output.line(`\n${onStdout.bold(engine)} is not shown: ${why}`);
  output.line(`\n${onStdout.bold('Done')} in ${duration((performance.now() - beganAt) / 1000)}. Try next:`);
  for (const line of shown[0] === undefined ? [] : nextCommands(shown[0])) output.line(`  ${line}`);
}

async function runTarget(
  context: CliContext,
  machines: Machines,
  { target, engine, databases, as, replace }: DemoRestore & { readonly target: TargetName; readonly engine: string },
): Promise<Manifest> {
  const { output } = context;
  output.line(onStdout.bold(`\nBackup of target '${target}' (${engine}), by state machine`));
  const backup = await runBackupJob(context, machines, { target, requestedBy: { kind: 'user' } });
  const manifest = await direct(context, ({ store }) => readManifest(store, target, backup.run.backupId));
  for (const line of describeBackup(manifest)) output.line(line);

  output.line(onStdout.bold(`\nRestore as '${as}', by state machine`));
  const restore = await runRestoreJob(context, machines, {
    backup: manifest.backupId,
    target,
    ...(databases === undefined ? {} : { databases: [...databases] }),
    as,
    replace,
    // What is shown as the same was read.
    comparison: 'full',
    requestedBy: { kind: 'user' },
  });
  const outcome = await direct(context, ({ store }) => newestOutcome(store, restore.run.recoveryId));
  for (const restored of outcome?.restore?.databases ?? [])
    for (const line of describeRestored(manifest, restored)) output.line(line);
  return manifest;
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

function describeRestored(
  manifest: Manifest,
  { from, same, tables, rows, words, differences, remarks }: Restored,
): string[] {
  const content = manifest.streams.find((stream) => stream.name === from && !isCompanion(stream))?.content;
  if (content === undefined) return [];
  return [
    ...table(
      [`  ${words.collection.toUpperCase()}`, `${words.item.toUpperCase()}S`, 'SIZE', 'DIGEST', ''],
      content.tables.map(({ schema, name, rows: items, bytes: size, digest }) => [
        `  ${printable(schema === '' ? name : `${schema}.${name}`)}`,
        String(items),
        bytes(size),
        digest.slice(0, 16),
        same ? 'same' : '',
      ]),
    ),
    ...remarks.map((remark) => `  note: ${remark}`),
    `  ${counted(tables, words.collection)}, ${counted(rows, words.item)}${content.largeObjects ? `, ${content.largeObjects.rows} large objects` : ''}: ${same ? 'the copy is the same' : differences.join('; ')}`,
  ];
}

const nextCommands = ({ backupId, target }: Manifest): string[] => [
  'npx holdfast list',
  `npx holdfast show ${backupId} --tables`,
  `npx holdfast validate ${backupId}`,
  `npx holdfast export ${backupId} --output ./exported`,
  `npx holdfast backup ${target}`,
  'psql "$(npx holdfast catalog url)" -c "table backup_mgmt.backup_execution_s"   # while npm start runs',
];
