import type { CliContext } from '../context.ts';
import { table } from '../output.ts';

export async function run({ config, output }: CliContext): Promise<number> {
  const { targets } = await config();
  const document = targets.map(({ name, engine, backups, rtoMinutes, rpoHours }) => ({
    name,
    engine,
    backups,
    rtoMinutes,
    rpoHours,
  }));
  output.result({ targets: document }, () =>
    table(
      ['TARGET', 'ENGINE', 'TIER', 'METHOD', 'SCHEDULE', 'TIME ZONE', 'KEPT'],
      targets.flatMap(({ name, engine, backups }) =>
        backups.map((entry) => [
          name,
          engine,
          entry.tier,
          entry.method,
          entry.schedule,
          entry.timezone,
          `${entry.retentionDays} days`,
        ]),
      ),
    ),
  );
  return 0;
}
