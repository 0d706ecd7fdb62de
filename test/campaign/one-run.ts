import { errorTable } from '../../lib/core/error-table.ts';
import { backupPrefix } from '../../lib/core/object-keys.ts';
import { reconcile } from '../../lib/lifecycle/reconcile.ts';
import { type Random, randomOf } from '../faults/random.ts';
import { Checks } from './checks.ts';
import type { Fault, FaultKind, Scene } from './fault.ts';
import { faultKinds, pickKind } from './fault-kinds.ts';
import type { Lane } from './lane.ts';
import { type Played, play } from './play.ts';
import type { Shared } from './shared.ts';
import { sourceNames } from './sources.ts';
import { TaskHung } from './task.ts';
import { openWorld, type Setting } from './world.ts';
import type { Yesterday } from './yesterday.ts';

export type RunResult = {
  readonly run: number;
  readonly kind: string;
  /** Setting and fault, for people. */
  readonly note: string;
  readonly isInjected: boolean;
  /** `completed`, or the codes that its executions ended under. */
  readonly outcome: string;
  readonly attempts: number;
  /** Rules that were broken; empty when all is well. */
  readonly problems: readonly string[];
  readonly seconds: number;
  /** What the tasks printed, when there are problems. */
  readonly log: string;
};

type Stage = {
  readonly shared: Shared;
  readonly lane: Lane;
  readonly yesterdayOf: () => Promise<Yesterday>;
};

/** Run number `run` of the campaign with this seed: its setting, its fault and every moment in it follow from the two numbers. */
export async function oneRun(stage: Stage, seed: number, run: number, only: readonly string[]): Promise<RunResult> {
  const random = randomOf(seed, run);
  const kinds = only.length === 0 ? faultKinds : faultKinds.filter(({ name }) => only.includes(name));
  const store = random.pick(['file', 's3'] as const);
  const fitting = kinds.filter((kind) => kind.store === undefined || kind.store === store);
  const setting: Setting = {
    store: fitting.length > 0 ? store : (kinds[0]?.store ?? store),
    source: random.pick(sourceNames),
    algorithm: random.chance(0.75) ? 'aes-256-gcm' : 'aes-256-cbc',
  };
  const kind = pickKind(random, setting.store, kinds);
  const beganAt = performance.now();
  const acted = await act(stage, setting, kind, random).catch((error: unknown): Acted => {
    if (error instanceof TaskHung) return { ...nothing, problems: [`R7: ${error.message}`] };
    return { ...nothing, problems: [`the run could not be played: ${error instanceof Error ? error.stack : error}`] };
  });
  return {
    run,
    kind: kind.name,
    seconds: (performance.now() - beganAt) / 1000,
    ...acted,
    note: `${setting.store} store, database '${setting.source}', ${setting.algorithm}: ${acted.note}`,
  };
}

type Acted = Omit<RunResult, 'run' | 'kind' | 'seconds'>;
const nothing: Acted = { note: '', isInjected: false, outcome: 'unknown', attempts: 0, problems: [], log: '' };

async function act(
  { shared, lane, yesterdayOf }: Stage,
  setting: Setting,
  kind: FaultKind,
  random: Random,
): Promise<Acted> {
  const yesterday = await yesterdayOf();
  lift(lane);
  await lane.emptyCatalog();
  await using world = await openWorld({ shared, lane, setting, yesterday });
  const scene: Scene = { shared, lane, world, random };
  const before = await world.raw.readAll();

  const { note, plays, problems, mayEnd, isInjected, hoursLater, fault } = await playFaulty(scene, kind);
  lift(lane);

  const clock = () => new Date(Date.now() + hoursLater * 3_600_000);
  const settle = () =>
    reconcile({
      config: world.direct.config,
      store: world.direct.store,
      catalog: lane.catalog,
      clock,
      log: { info: () => {}, warn: () => {} },
    });
  await settle();
  const next = await play({ world, lane, execution: 'next-night', clock });
  await settle();

  const checks = new Checks(scene, await world.raw.readAll());
  checks.nothingWasTaken(before);
  checks.nextRunSucceeds(next);
  checks.oneWriterEach();
  for (const played of plays)
    checks.endingIsTold(played, isInjected ? mayEnd : [], isInjected && fault?.mustFail === true);
  await checks.completedMeansWhole({ mayBeDamaged: isInjected && fault?.isDamaging === true, next, before });
  checks.nothingLeaks([...plays, next].map(({ log }) => log));
  await checks.catalogFollowsStore();
  if ('rot' in kind) problems.push(...(await rotComesToLight(scene, kind, plays)));

  const failures = plays.map(({ ending, failure }) => (ending === 'failed' ? (failure?.code ?? '?') : ending));
  const all = [...problems, ...checks.problems];
  return {
    note,
    isInjected,
    outcome: [...new Set(failures)].sort().join(' + '),
    attempts: Math.max(...plays.map(({ attempts }) => attempts)),
    problems: all,
    log: all.length === 0 ? '' : [...plays, next].map(({ execution, log }) => `--- ${execution}\n${log}`).join('\n'),
  };
}

/** Networks let everything through again, and the catalog is there. */
function lift(lane: Lane): void {
  lane.source.reset();
  lane.s3.inject(() => undefined);
  lane.setCatalog('up');
}

async function playFaulty(scene: Scene, kind: FaultKind) {
  const { world, lane } = scene;
  const common = { world, lane, execution: 'tonight', clock: () => new Date() };
  if ('contest' in kind) {
    const contest = kind.contest(scene);
    const { plays, problems } = await contest.run();
    return {
      note: contest.note,
      plays,
      problems: [...problems],
      mayEnd: contest.mayEnd,
      isInjected: contest.isInjected(),
      hoursLater: contest.hoursLater ?? 0,
      fault: undefined as Fault | undefined,
    };
  }
  if ('rot' in kind) {
    const plays = [await play(common)];
    return {
      note: kind.rot(scene).note,
      plays,
      problems: [] as string[],
      mayEnd: [],
      isInjected: true,
      hoursLater: 0,
      fault: undefined,
    };
  }
  const fault = kind.arm(scene);
  const plays: readonly Played[] = [await play({ ...common, interference: fault.interference })];
  return {
    note: fault.note,
    plays,
    problems: [] as string[],
    mayEnd: fault.mayEnd ?? [],
    isInjected: fault.isInjected(),
    hoursLater: fault.hoursLater ?? 0,
    fault,
  };
}

/** Damages the backup that was complete; a validation of it has to say so. */
async function rotComesToLight(
  scene: Scene,
  kind: Extract<FaultKind, { rot: unknown }>,
  plays: readonly Played[],
): Promise<string[]> {
  const [run] = plays.flatMap((played) => played.run ?? []);
  if (run === undefined) return ['there was nothing to damage'];
  await kind.rot(scene).damage(backupPrefix(run.target, run.backupId));
  const found = await Checks.problemsOfValidation(scene, run);
  if (found === undefined) return [`silent damage: nobody noticed that ${kind.name}`];
  return found in errorTable && found !== 'internal' ? [] : [`the damage was found as '${found}'`];
}
