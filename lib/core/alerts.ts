import * as z from 'zod';
import { type ProblemKindName, problemKindNames } from './problem-kinds.ts';

/**
 * What alerts are made of. A problem may be noticed by several: the run that failed, the watch, an alarm. It is told once, again after some
 * hours, and taken back when none of them sees it any more; that is kept per problem in `alerts/<problem>.json`.
 */
const timeSchema = z.iso.datetime();

/** Who says that a problem is there. */
export const alertSourceSchema = z.enum(['run', 'watch', 'alarm', 'delivery']);
export type AlertSource = z.infer<typeof alertSourceSchema>;

/** Somebody's word that a problem began, lasts, or is over. */
export type Signal = {
  readonly problem: string;
  readonly kind: ProblemKindName;
  readonly state: 'began' | 'ended';
  readonly source: AlertSource;
  readonly at: string;
  readonly target: string | null;
  /** One sentence, without a final stop. */
  readonly message: string;
};

export const alertRecordSchema = z.strictObject({
  formatVersion: z.literal(1),
  problem: z.string(),
  kind: z.enum(problemKindNames as [ProblemKindName, ...ProblemKindName[]]),
  target: z.string().nullable(),
  message: z.string(),
  since: timeSchema,
  endedAt: timeSchema.nullable(),
  /** Who sees it now, and since when. Nobody: it is over. */
  seenBy: z.partialRecord(alertSourceSchema, timeSchema),
  /** How often it was said to have begun since it did. */
  count: z.number().int(),
  /** Channels that were told of it and not yet of its end, and when they were told last. */
  told: z.record(z.string(), timeSchema),
  /** What is to be told, and by which channels it was not yet. Who has the claim is telling it, until then at most. */
  pending: z
    .strictObject({
      what: z.enum(['began', 'again', 'ended']),
      channels: z.array(z.string()),
      claim: z.string(),
      until: timeSchema,
    })
    .nullable(),
});
export type AlertRecord = z.infer<typeof alertRecordSchema>;

/** Kinds that an alarm sees for a moment only: that it sees them no more says nothing of what caused them. */
const momentary: ReadonlySet<ProblemKindName> = new Set([
  'executions-failed',
  'validation-failed',
  'rto-exceeded',
  'alerts-undelivered',
]);

/** Kinds that say more of the same thing than an alarm does: where one of them was told, the alarm is not. */
const tellMore: Readonly<Record<string, readonly ProblemKindName[]>> = {
  'executions-failed-backup': ['backup-failed', 'validation-failed', 'task-not-started'],
  'executions-failed-restore': ['restore-failed'],
  'executions-failed-recovery': ['restore-failed'],
  'missed-starts': ['missed-run'],
  'missed-run': ['missed-run'],
  'stuck-run': ['stuck-run'],
};

/** The kinds whose alerts make this one needless. */
export const kindsThatTellMore = ({
  source,
  problem,
}: Pick<Signal, 'source' | 'problem'>): readonly ProblemKindName[] =>
  source === 'alarm' ? (tellMore[problem] ?? []) : [];

export const isOpen = ({ seenBy }: AlertRecord): boolean => Object.keys(seenBy).length > 0;

export type Receiving = {
  readonly now: Date;
  /** All channels that there are. */
  readonly channels: readonly string[];
  readonly repeatMs: number;
  /** Another alert that was told says more of the same. */
  readonly isCovered: boolean;
  /** Marks what is to be told now as this receiver's to tell. */
  readonly claim: string;
};

/** Time enough to try every channel several times; whoever died meanwhile is followed by the next. */
const claimMs = 60_000;

/** The record after a signal, with what is to be told now; undefined when the signal changes nothing. */
export function receive(
  record: AlertRecord | undefined,
  signal: Signal,
  receiving: Receiving,
): AlertRecord | undefined {
  return signal.state === 'began' ? began(record, signal, receiving) : ended(record, signal, receiving);
}

function began(record: AlertRecord | undefined, signal: Signal, receiving: Receiving): AlertRecord | undefined {
  const { problem, kind, target, message, source, at } = signal;
  const { now, channels, repeatMs, isCovered } = receiving;
  // Messages overtake each other, and one that could not be delivered comes again: it may be over by then.
  if (record?.endedAt != null && isBefore(at, record.endedAt)) return undefined;
  const open = record !== undefined && isOpen(record) ? record : undefined;
  const told = record?.told ?? {};
  const isRepeated = open?.seenBy[source] === at;
  const isDue = (channel: string): boolean => {
    const last = told[channel];
    return last === undefined || now.getTime() - Date.parse(last) >= repeatMs;
  };
  const isBeingTold =
    record?.pending != null && record.pending.what !== 'ended' && Date.parse(record.pending.until) > now.getTime();
  const due = isCovered ? [] : channels.filter(isDue);
  const before = Object.keys(told).length > 0 ? (record?.count ?? 0) : (open?.count ?? 0);
  return {
    formatVersion: 1,
    problem,
    kind,
    target,
    message,
    since: open?.since ?? at,
    endedAt: null,
    // The last time that it was seen, so that the same signal is known when it is delivered again.
    seenBy: { ...open?.seenBy, [source]: at },
    count: isRepeated ? before : before + 1,
    told,
    pending: isBeingTold
      ? record.pending
      : claimed(due, due.every((channel) => told[channel] === undefined) ? 'began' : 'again', receiving),
  };
}

function ended(
  record: AlertRecord | undefined,
  { source, kind, at }: Signal,
  receiving: Receiving,
): AlertRecord | undefined {
  if (record === undefined) return undefined;
  if (record.seenBy[source] === undefined) {
    // Said before, and perhaps not told to everybody.
    const { pending } = record;
    const isLeft = pending?.what === 'ended' && Date.parse(pending.until) <= receiving.now.getTime();
    return isLeft ? { ...record, pending: claimed(pending.channels, 'ended', receiving) } : undefined;
  }
  if (isBefore(at, record.seenBy[source])) return undefined;
  const { [source]: _, ...seenBy } = record.seenBy;
  if (Object.keys(seenBy).length > 0) return { ...record, seenBy };
  const isSilent = source === 'alarm' && momentary.has(kind);
  const knowing = isSilent ? [] : receiving.channels.filter((channel) => record.told[channel] !== undefined);
  return { ...record, seenBy, endedAt: at, pending: claimed(knowing, 'ended', receiving) };
}

const isBefore = (one: string, other: string): boolean => Date.parse(one) < Date.parse(other);

function claimed(
  channels: readonly string[],
  what: 'began' | 'again' | 'ended',
  { claim, now }: Receiving,
): AlertRecord['pending'] {
  if (channels.length === 0) return null;
  return { what, channels: [...channels], claim, until: new Date(now.getTime() + claimMs).toISOString() };
}

/** The record once a channel has been told what was pending. When the claim is another's by now, it is that one's to say. */
export function delivered(
  record: AlertRecord,
  channel: string,
  { claim, now }: Pick<Receiving, 'claim' | 'now'>,
): AlertRecord {
  const { pending } = record;
  if (pending?.claim !== claim) return record;
  const channels = pending.channels.filter((other) => other !== channel);
  const { [channel]: _, ...others } = record.told;
  return {
    ...record,
    told: pending.what === 'ended' ? others : { ...record.told, [channel]: now.toISOString() },
    pending: channels.length > 0 ? { ...pending, channels } : null,
  };
}

/** The record with what could not be told left to the next who comes. */
export function givenUp(record: AlertRecord, { claim, now }: Pick<Receiving, 'claim' | 'now'>): AlertRecord {
  return record.pending?.claim === claim
    ? { ...record, pending: { ...record.pending, until: now.toISOString() } }
    : record;
}
