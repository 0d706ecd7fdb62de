import { type WalState, walStateSchema } from '../../core/health.ts';
import type { TargetName } from '../../core/ids.ts';
import { walHealthKey } from '../../core/object-keys.ts';
import { readDocument } from '../../store/document.ts';
import { reportWal, type SystemReport } from '../../wal/wal-report.ts';
import type { CliContext } from '../context.ts';
import { direct, parseTarget } from '../direct.ts';
import { bytes, counted, duration } from '../output.ts';

type TargetWal = {
  readonly target: TargetName;
  /** Is there to be a receiver? */
  readonly isReceived: boolean;
  readonly receiver: WalState | null;
  readonly systems: readonly SystemReport[];
};

/** What the store has of continuous WAL, and what its receivers said last. A hole is told, and is no failure of this command. */
export async function run(context: CliContext, options: { readonly target?: string }): Promise<number> {
  const { config } = context;
  const wanted = options.target === undefined ? undefined : parseTarget(options.target);
  const targets = (await config()).targets.filter(
    ({ name, wal }) => wal !== undefined && (wanted === undefined || name === wanted),
  );
  const found = await direct(context, (run) =>
    Promise.all(
      targets.map(
        async ({ name: target, wal }): Promise<TargetWal> => ({
          target,
          isReceived: wal?.receive === true,
          receiver: (await readDocument(run.store, walHealthKey(target), walStateSchema)).value ?? null,
          systems: await reportWal(run, target),
        }),
      ),
    ),
  );
  context.output.result(found, () =>
    found.length === 0 ? ['no target has continuous WAL'] : found.flatMap((wal) => describe(wal, new Date())),
  );
  return 0;
}

function describe({ target, isReceived, receiver, systems }: TargetWal, now: Date): string[] {
  return [
    target,
    ...(receiver === null ? [withoutReceiver(isReceived, systems)] : describeReceiver(receiver, now)),
    ...(systems.length === 0 ? ['  the store has no WAL of it'] : systems.flatMap(describeSystem)),
  ];
}

function withoutReceiver(isReceived: boolean, systems: TargetWal['systems']): string {
  if (systems.length > 0) return '  no receiver has run: what is here was pushed (archive_command)';
  return isReceived
    ? "  no receiver has run yet: it starts with the stack ('holdfast up', or the deployed service)"
    : '  no receiver has run; set wal.receive: true';
}

function describeReceiver(state: WalState, now: Date): string[] {
  const ago = duration(Math.max(0, (now.getTime() - Date.parse(state.at)) / 1000));
  const { slot, gap } = state;
  return [
    `  ${state.state} ${ago} ago: timeline ${state.timeline}, durable to ${state.durableLsn}, behind by ${bytes(state.lagBytes)} and ${duration(state.lagSeconds)}`,
    ...(state.error === undefined ? [] : [`  [${state.error.code}] ${state.error.message}`, `  ${state.error.hint}`]),
    `  restorable to ${state.restorablePoint ?? '(not known yet)'}`,
    `  slot ${slot.name} keeps ${bytes(slot.retainedBytes)} in the server, ${slot.limitBytes === null ? 'without a limit' : `of ${bytes(slot.limitBytes)} at most`}`,
    ...(gap === null ? [] : [`  LOST at ${gap.at}: from ${gap.from} to ${gap.to} of timeline ${gap.timeline}`]),
  ];
}

function describeSystem({ systemIdentifier, timelines }: SystemReport): string[] {
  return [
    `  system ${systemIdentifier}`,
    ...timelines.flatMap(({ timeline, segments, from, to, point, gaps }) => [
      `    timeline ${timeline}: ${counted(segments, 'segment')}, ${from} to ${to}${point === null ? '' : `, good for ${point}`}`,
      ...gaps.map(
        (gap) =>
          `      MISSING ${gap.first} to ${gap.last}: a base from before it reaches ${gap.lastPoint ?? gap.from}, and later points need a base from after it`,
      ),
    ]),
  ];
}
