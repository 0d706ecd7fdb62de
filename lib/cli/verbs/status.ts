import { HoldfastError } from '../../core/errors.ts';
import type { RestorablePoint, RestorablePoints } from '../../core/restorable-points.ts';
import type { CliContext } from '../context.ts';
import { direct } from '../direct.ts';
import { duration, oneLine, table } from '../output.ts';
import { restorablePoints } from '../restorable-points.ts';

export async function run(context: CliContext): Promise<number> {
  const report = await direct(context, (run) => restorablePoints(context, run));
  context.output.result(report, () => [
    ...table(
      ['TARGET', 'LAST VERIFIED RESTORABLE POINT', 'NEWEST RESTORABLE POINT', 'LAST BACKUP', 'LAST RESTORE TEST'],
      report.targets.map((target) => [
        target.target,
        pointText(target.verified),
        pointText(target.restorable),
        target.lastBackup === null ? 'none' : `${target.lastBackup.backupId} ${target.lastBackup.verification}`,
        testText(target),
      ]),
    ),
    ...report.targets.flatMap(({ target, late }) => late.map(({ message }) => `LATE ${target}: ${oneLine(message)}`)),
    `read from the ${report.source}`,
  ]);
  const isLate = report.targets.some(({ late }) => late.length > 0);
  return isLate ? new HoldfastError('objective-missed', '').exitCode : 0;
}

const pointText = (point: RestorablePoint | null): string =>
  point === null ? 'none' : `${point.at.slice(0, 19)}Z (${duration(point.ageSeconds)} ago)`;

function testText({ lastRestoreTest, rto }: RestorablePoints): string {
  if (lastRestoreTest === null) return 'none';
  const took =
    lastRestoreTest.rtoSeconds === null
      ? ''
      : `, restored in ${duration(lastRestoreTest.rtoSeconds)} of ${duration(rto.objectiveSeconds)}`;
  return `${lastRestoreTest.endedAt.slice(0, 19)}Z ${lastRestoreTest.status}${took}`;
}
