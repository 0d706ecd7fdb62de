import * as z from 'zod';
import { HoldfastError } from './errors.ts';

/** A moment as the server has it: the end of its log, as soon as it is whole, or a place in the log named in one of four ways. */
const lsnSchema = z.string().regex(/^[0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8}$/, 'is no position in the log, as 16/B374D848');
/** What stands at the place itself belongs to it, unless it is said that it does not. */
const isExclusive = z.boolean().optional();

export const recoveryPointSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('latest') }),
  z.strictObject({ kind: z.literal('immediate') }),
  z.strictObject({ kind: z.literal('time'), value: z.iso.datetime({ offset: true }), isExclusive }),
  z.strictObject({ kind: z.literal('lsn'), value: lsnSchema, isExclusive }),
  z.strictObject({ kind: z.literal('name'), value: z.string().min(1).max(63) }),
  z.strictObject({ kind: z.literal('transaction'), value: z.string().regex(/^\d{1,20}$/), isExclusive }),
]);
/** How far a recovery goes. */
export type RecoveryPoint = z.infer<typeof recoveryPointSchema>;

/** Where a recovery ended: on which timeline, at which position, and when the last transaction that it holds was committed. */
export const reachedPointSchema = z.strictObject({
  timeline: z.number().int(),
  position: z.string(),
  at: z.iso.datetime().nullable(),
});
export type ReachedPoint = Readonly<z.infer<typeof reachedPointSchema>>;

/** Does position `a` come before `b`? */
export function isBefore(a: string, b: string): boolean {
  const [one, other] = [a, b].map((text) => text.split('/').map((part) => Number.parseInt(part, 16)));
  const [high = 0, low = 0] = one ?? [];
  const [otherHigh = 0, otherLow = 0] = other ?? [];
  return high < otherHigh || (high === otherHigh && low < otherLow);
}

/** The point as a sentence has it. */
export function describePoint(point: RecoveryPoint): string {
  switch (point.kind) {
    case 'latest':
      return 'the latest point';
    case 'immediate':
      return "the backup's own point";
    case 'time':
      return `time ${point.value}`;
    case 'lsn':
      return `LSN ${point.value}`;
    case 'name':
      return `restore point '${point.value}'`;
    case 'transaction':
      return `transaction ${point.value}`;
  }
}

/** What a person says of a point: at most one of these. */
export type AskedPoint = {
  readonly toTime?: string | undefined;
  readonly toLsn?: string | undefined;
  readonly toName?: string | undefined;
  readonly toTransaction?: string | undefined;
  readonly toLatest?: boolean | undefined;
  readonly exclusive?: boolean | undefined;
};

/** The point that was asked for; undefined when none was. Throws `usage`. */
export function askedPoint(asked: AskedPoint): RecoveryPoint | undefined {
  const isExclusive = asked.exclusive === true ? { isExclusive: true } : {};
  const points = [
    asked.toTime === undefined ? undefined : { kind: 'time', value: asTime(asked.toTime), ...isExclusive },
    asked.toLsn === undefined ? undefined : { kind: 'lsn', value: asked.toLsn, ...isExclusive },
    asked.toName === undefined ? undefined : { kind: 'name', value: asked.toName },
    asked.toTransaction === undefined ? undefined : { kind: 'transaction', value: asked.toTransaction, ...isExclusive },
    asked.toLatest === true ? { kind: 'latest' } : undefined,
  ].filter((point) => point !== undefined);
  if (points.length > 1)
    throw new HoldfastError('usage', 'a recovery goes to one point, and several were named', {
      hint: 'say one of --to-time, --to-lsn, --to-name, --to-transaction and --to-latest',
    });
  const [point] = points;
  if (asked.exclusive === true && (point === undefined || !('isExclusive' in point)))
    throw new HoldfastError('usage', 'only before a time, an LSN or a transaction can a recovery stop');
  if (point === undefined) return undefined;
  const parsed = recoveryPointSchema.safeParse(point);
  if (parsed.success) return parsed.data;
  throw new HoldfastError('usage', `no point is named by that: ${z.prettifyError(parsed.error)}`);
}

/** A time without a zone would be another moment on another machine. */
function asTime(text: string): string {
  const time = /(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? Date.parse(text.replace(' ', 'T')) : Number.NaN;
  if (Number.isFinite(time)) return microseconds(text, time);
  throw new HoldfastError('usage', `'${text}' is no time with a zone`, {
    hint: 'for example 2026-11-21T02:00:00Z, or 2026-11-21 02:00:00.123456+01:00',
  });
}

/** In UTC, with all the digits that were given: servers count microseconds. */
function microseconds(text: string, time: number): string {
  const digits = /\.(\d{1,6})/.exec(text)?.[1] ?? '';
  const iso = new Date(time).toISOString();
  return digits.length <= 3 ? iso : `${iso.slice(0, -5)}.${digits}Z`;
}
