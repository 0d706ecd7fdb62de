import { requireTarget } from '../../config/config.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { SettingsReport } from '../../engines/engine.ts';
import { openEngine } from '../../engines/open-engine.ts';
import { engineContext } from '../../runner/context.ts';
import type { CliContext } from '../context.ts';
import { parseTarget, withoutStore } from '../direct.ts';
import { counted, table } from '../output.ts';

type Options = {
  readonly target: string;
  readonly memory?: string;
  readonly connections?: string;
  readonly write?: string;
};

/** What a target's server should be set to in production, held against what it is, or written out to be applied. Changes nothing. */
export async function run(context: CliContext, options: Options): Promise<number> {
  const host = {
    memoryMiB: options.memory === undefined ? undefined : parseMemory(options.memory),
    connections: options.connections === undefined ? undefined : parseCount(options.connections),
  };
  const write = options.write === undefined ? undefined : parseForm(options.write);
  const config = await context.config();
  const target = requireTarget(config, parseTarget(options.target));
  const engine = openEngine(target.engine);
  const report = await withoutStore(context, async (source) => {
    const side = await engineContext(source, target);
    if (engine.checkSettings) return engine.checkSettings(side, host);
    throw new HoldfastError('usage', `there are no settings to look at for engine '${target.engine}'`);
  });
  const document = { conf: report.fragment, rds: report.parameterGroup, check: report };
  context.output.result(write === undefined ? report : document[write], () => {
    if (write === 'conf') return report.fragment.trimEnd().split('\n');
    if (write === 'rds') return JSON.stringify(report.parameterGroup, null, 2).split('\n');
    return describeSettings(report, options.memory !== undefined);
  });
  return 0;
}

/** The settings that differ, each with its reason, its risk and its fix. */
export function describeSettings({ serverVersion, isManaged, settings }: SettingsReport, hasMemory: boolean): string[] {
  const differing = settings.filter(({ verdict }) => verdict !== 'ok');
  return [
    ...table(
      ['', 'SETTING', 'IS', 'WANTED', 'WHY', 'RISK', 'WHAT TO DO'],
      differing.map(({ verdict, name, current, wanted, why, risk, fix, needsRestart }) => [
        verdict,
        name,
        current,
        wanted,
        why,
        risk,
        `${fix}${needsRestart && fix !== '' ? '; then restart' : ''}`,
      ]),
    ),
    `PostgreSQL ${serverVersion}${isManaged ? ' (managed)' : ''}: ${counted(differing.length, 'setting')} of ${settings.length} not as in production`,
    ...(hasMemory ? [] : ['memory was not looked at: say how much the host has, e.g. --memory 16GiB']),
    ...(differing.length > 0 && !isManaged
      ? ["settings that need no restart take effect after 'select pg_reload_conf()'"]
      : []),
  ];
}

/** Mebibytes of `16GiB`, `512MB` or a plain number of them. */
function parseMemory(text: string): number {
  const [, number, unit = 'M'] = /^(\d+(?:\.\d+)?)\s*(?:([MGT])i?B?)?$/i.exec(text) ?? [];
  const factor = { M: 1, G: 1024, T: 1024 * 1024 }[unit.toUpperCase()] ?? Number.NaN;
  const mebibytes = Math.floor(Number(number) * factor);
  if (mebibytes >= 256) return mebibytes;
  throw new HoldfastError('usage', `--memory '${text}' is not a host's memory, such as 16GiB`);
}

function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 10_000) return count;
  throw new HoldfastError('usage', `--connections '${text}' is not a number from 1 to 10000`);
}

function parseForm(text: string): 'conf' | 'rds' {
  if (text === 'conf' || text === 'rds') return text;
  throw new HoldfastError('usage', `--write '${text}' is neither conf (postgresql.conf) nor rds (a parameter group)`);
}
