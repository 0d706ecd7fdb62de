import { writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { HoldfastError } from '../core/errors.ts';
import type { RestorablePointsReport } from '../lifecycle/restorable-points.ts';
import { bytes, duration, oneLine } from './output.ts';
import type { BackupValidation } from './validations.ts';

/** What a validation of many backups found, to be kept: for programs as it is, for people as Markdown. */
export type ValidationReport = {
  readonly at: string;
  readonly store: string;
  readonly depth: 'full' | 'sample';
  readonly summary: Readonly<Record<BackupValidation['result'], number>>;
  readonly restorablePoints: RestorablePointsReport['targets'];
  readonly validations: readonly BackupValidation[];
};

/** How a report is written, by the file's extension. Throws `usage` for another one, which is asked before anything is validated. */
export function reportFormat(file: string): (report: ValidationReport) => string {
  const extension = extname(file).toLowerCase();
  if (extension === '.json') return (report) => `${JSON.stringify(report, null, 2)}\n`;
  if (extension === '.md') return (report) => `${markdown(report).join('\n')}\n`;
  throw new HoldfastError('usage', `--report: '${file}' is neither a .json nor a .md file`);
}

/** Writes the report. Throws `usage` when the file cannot be written. */
export async function writeReport(file: string, report: ValidationReport): Promise<void> {
  const text = reportFormat(file)(report);
  await writeFile(file, text, { mode: 0o644 }).catch((cause: unknown) => {
    throw new HoldfastError('usage', `cannot write '${file}'`, { cause, hint: 'does its folder exist?' });
  });
}

function markdown({ at, store, depth, summary, restorablePoints, validations }: ValidationReport): string[] {
  const bad = validations.filter(({ result }) => result !== 'PASSED');
  return [
    '# Validation report',
    '',
    `${at}, store \`${store}\`, ${depth === 'full' ? 'every byte read' : 'sizes of all objects and the beginning of each stream read'}.`,
    '',
    ...Object.entries(summary).map(([result, count]) => `- ${result}: ${count}`),
    '',
    '## What can be brought back',
    '',
    '| target | last verified restorable point | newest restorable point | late |',
    '| --- | --- | --- | --- |',
    ...restorablePoints.map(({ target, verified, restorable, late }) =>
      row([target, pointText(verified), pointText(restorable), late.map(({ message }) => message).join('; ')]),
    ),
    '',
    ...(bad.length === 0 ? [] : ['## What is wrong', '', ...bad.flatMap(problemLines), '']),
    '## Every backup',
    '',
    '| backup | target | result | objects | stored |',
    '| --- | --- | --- | --- | --- |',
    ...validations.map(({ backupId, target, result, objects, storedBytes }) =>
      row([backupId, target, result, String(objects ?? ''), storedBytes === undefined ? '' : bytes(storedBytes)]),
    ),
  ];
}

const problemLines = ({ backupId, target, problems }: BackupValidation): string[] => [
  `- ${backupId} of ${target}`,
  ...problems.flatMap(({ where, code, message, hint }) => [
    `  - ${oneLine(where)}: [${code}] ${oneLine(message)}`,
    `    HINT: ${oneLine(hint)}`,
  ]),
];

const pointText = (point: RestorablePointsReport['targets'][number]['verified']): string =>
  point === null ? 'none' : `${point.at} (${duration(point.ageSeconds)} ago, ${point.backupId})`;

const row = (cells: readonly string[]): string =>
  `| ${cells.map((cell) => oneLine(cell).replaceAll('|', '\\|')).join(' | ')} |`;
