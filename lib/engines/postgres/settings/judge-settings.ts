import type { ProductionSetting, Wanted } from './production-settings.ts';

/** A setting as `pg_settings` shows it. */
export type ServerSetting = {
  readonly name: string;
  readonly setting: string;
  readonly unit: string | null;
  readonly context: string;
};

/** One wanted setting held against a server. `fix` is empty where nothing has to be done. */
export type JudgedSetting = {
  readonly name: string;
  readonly group: ProductionSetting['group'];
  readonly verdict: 'ok' | 'differs' | 'hidden';
  readonly current: string;
  readonly wanted: string;
  readonly why: string;
  readonly risk: string;
  readonly fix: string;
  readonly needsRestart: boolean;
};

/** Holds the wanted settings against those of a server. One that its version does not have is left out. */
export function judgeSettings(
  wanted: readonly ProductionSetting[],
  server: { readonly major: number; readonly isManaged: boolean; readonly settings: readonly ServerSetting[] },
): readonly JudgedSetting[] {
  const current = new Map(server.settings.map((setting) => [setting.name, setting]));
  return wanted
    .filter(({ since }) => since === undefined || since <= server.major)
    .filter(({ rds }) => !server.isManaged || rds !== null)
    .map((setting) => judge(setting, current.get(inForce(setting, current)), server.isManaged));
}

/** The name of the setting that counts: the other one, where that is what is set. */
function inForce({ name, wanted }: ProductionSetting, current: ReadonlyMap<string, ServerSetting>): string {
  return wanted.is === 'set' && isSet(current.get(wanted.or)?.setting ?? '') ? wanted.or : name;
}

function judge(setting: ProductionSetting, current: ServerSetting | undefined, isManaged: boolean): JudgedSetting {
  const { name, group, value, why, risk } = setting;
  const base = { name, group, wanted: bound(setting), why, risk, needsRestart: current?.context === 'postmaster' };
  if (current === undefined)
    return {
      ...base,
      verdict: 'hidden',
      current: '',
      fix: 'grant pg_read_all_settings to the backup user, to have it looked at',
    };
  const isRight = fits(setting.wanted, current);
  return {
    ...base,
    verdict: isRight ? 'ok' : 'differs',
    current: shown(current),
    fix: isRight ? '' : isManaged ? parameterFix(setting) : `alter system set ${name} = ${quoted(value)}`,
  };
}

const parameterFix = ({ name, value, rds }: ProductionSetting): string =>
  `set parameter ${name} to ${rds ?? value} in the instance's parameter group`;

const quoted = (value: string): string => (value.startsWith("'") || /^\d+$/.test(value) ? value : `'${value}'`);

function bound({ wanted, value }: ProductionSetting): string {
  const plain = value.replaceAll("'", '');
  if (wanted.is === 'set') return `some, as ${plain}`;
  return wanted.is === 'one of' ? plain : `${wanted.is} ${plain}`;
}

function fits(wanted: Wanted, current: ServerSetting): boolean {
  if (wanted.is === 'one of') return wanted.values.includes(current.setting);
  if (wanted.is === 'set') return isSet(current.setting);
  const value = Number(current.setting) * unitFactor(current.unit);
  if (wanted.is === 'at least') return value >= wanted.value;
  // 0 and -1 are how the server says "no limit".
  if (wanted.is === 'at most') return value > 0 && value <= wanted.value;
  return value >= wanted.value * 0.5 && value <= wanted.value * 2;
}

/** `(disabled)` is what the server shows of an archive_command while archive_mode is off. */
const isSet = (setting: string): boolean => setting !== '' && setting !== '(disabled)';

/** What the server's unit is in bytes or milliseconds. */
function unitFactor(unit: string | null): number {
  const sizes: Readonly<Record<string, number>> = { B: 1, kB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 };
  const times: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 };
  const [, count = '', name = ''] = /^(\d*)(\w+)$/.exec(unit ?? '') ?? [];
  return (sizes[name] ?? times[name] ?? 1) * (count === '' ? 1 : Number(count));
}

/** As a person writes it: `128MB` and not 16384 pages. */
function shown({ setting, unit }: ServerSetting): string {
  const value = Number(setting);
  if (unit === null || Number.isNaN(value) || value <= 0) return setting;
  const scales = /B$/.test(unit)
    ? ([
        ['GB', 1024 ** 3],
        ['MB', 1024 ** 2],
        ['kB', 1024],
        ['B', 1],
      ] as const)
    : ([
        ['h', 3_600_000],
        ['min', 60_000],
        ['s', 1000],
        ['ms', 1],
      ] as const);
  const base = value * unitFactor(unit);
  const [name, factor] = scales.find(([, size]) => base % size === 0) ?? ['', 1];
  return `${base / factor}${name}`;
}
