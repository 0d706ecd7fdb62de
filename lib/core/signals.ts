import * as z from 'zod';
import type { Signal } from './alerts.ts';
import { HoldfastError } from './errors.ts';
import { kindOfFailure } from './find-problems.ts';
import { parsedJson } from './parsed-json.ts';
import { type ProblemKindName, parseProblemId, problemId, problemKindNames } from './problem-kinds.ts';

const kindSchema = z.enum(problemKindNames as [ProblemKindName, ...ProblemKindName[]]);

/** What CloudWatch publishes when an alarm changes. */
const alarmSchema = z.object({
  AlarmName: z.string(),
  AlarmDescription: z.string().nullish(),
  NewStateValue: z.enum(['ALARM', 'OK', 'INSUFFICIENT_DATA']),
  StateChangeTime: z.string(),
});

/** Our own events, as the bus hands them on. */
const eventSchema = z.object({
  'detail-type': z.string(),
  source: z.literal('holdfast'),
  time: z.string(),
  detail: z.looseObject({}),
});

const runDetailSchema = z.object({
  operation: z.string(),
  target: z.string(),
  into: z.string().optional(),
  method: z.string().optional(),
  code: z.string().optional(),
  message: z.string().optional(),
});

const problemDetailSchema = z.object({
  problem: z.string(),
  kind: kindSchema,
  target: z.string().nullable(),
  message: z.string(),
  endedAt: z.string().optional(),
});

/**
 * What a message of the topics says of problems: an alarm of one, a run of as many as its end may mend. `installation` is what stands before
 * our alarms' names. Throws `usage` for a message of another kind.
 */
export function signalsIn(text: string, { installation }: { readonly installation: string }): readonly Signal[] {
  const value = parsedJson(text);
  const alarm = alarmSchema.safeParse(value);
  if (alarm.success) return alarmSignals(alarm.data, installation);
  const event = eventSchema.safeParse(value);
  if (!event.success) throw new HoldfastError('usage', 'the message is neither an alarm nor an event of Holdfast');
  const { 'detail-type': type, detail, time } = event.data;
  const at = new Date(time).toISOString();
  switch (type) {
    case 'Backup Failed':
      return [backupFailed(runDetailSchema.parse(detail), at)];
    case 'Backup Completed':
      return backupCompleted(runDetailSchema.parse(detail), at);
    case 'Restore Failed':
    case 'Restore Completed':
      return [restoreEnded(runDetailSchema.parse(detail), at, type === 'Restore Failed' ? 'began' : 'ended')];
    case 'Recovery Awaits Approval':
    case 'Recovery Begun':
    case 'Recovery Declined':
      return [approvalAwaited(runDetailSchema.parse(detail), at, type)];
    case 'Restore Test Failed':
    case 'Restore Test Completed':
      return [restoreTestEnded(runDetailSchema.parse(detail), at, type === 'Restore Test Failed' ? 'began' : 'ended')];
    case 'Cleanup Failed':
    case 'Cleanup Completed':
      return [cleanupEnded(runDetailSchema.parse(detail), at, type === 'Cleanup Failed' ? 'began' : 'ended')];
    case 'Problem Began':
    case 'Problem Ended':
      return [watched(problemDetailSchema.parse(detail), at, type === 'Problem Began' ? 'began' : 'ended')];
    default:
      throw new HoldfastError('usage', `an event of the type '${type}' is not known`);
  }
}

function alarmSignals(
  { AlarmName, AlarmDescription, NewStateValue, StateChangeTime }: z.infer<typeof alarmSchema>,
  installation: string,
): readonly Signal[] {
  // No data yet is neither a problem nor its end.
  if (NewStateValue === 'INSUFFICIENT_DATA') return [];
  const problem = AlarmName.startsWith(`${installation}-`) ? AlarmName.slice(installation.length + 1) : AlarmName;
  const known = parseProblemId(problem);
  if (known === undefined) throw new HoldfastError('usage', `the alarm '${AlarmName}' is of no problem that is known`);
  return [
    {
      problem,
      kind: known.kind,
      state: NewStateValue === 'ALARM' ? 'began' : 'ended',
      source: 'alarm',
      // Its zone is written without the colon that ISO demands.
      at: new Date(StateChangeTime.replace(/([+-]\d\d)(\d\d)$/, '$1:$2')).toISOString(),
      target: null,
      message: (AlarmDescription ?? AlarmName).split('\n')[0]?.replace(/\.$/, '') ?? AlarmName,
    },
  ];
}

type RunDetail = z.infer<typeof runDetailSchema>;

function backupFailed(
  { target, method = 'logical', operation, code = 'internal', message = '' }: RunDetail,
  at: string,
): Signal {
  const kind = kindOfFailure(code);
  const isEverybodys = kind === 'task-not-started';
  return {
    problem: problemId(kind, isEverybodys ? undefined : `${target}-${method}`),
    kind,
    state: 'began',
    source: 'run',
    at,
    target: isEverybodys ? null : target,
    message: `the backup '${operation}' of '${target}' failed: [${code}] ${message}`,
  };
}

/** A complete backup mends whatever earlier ones failed of. */
function backupCompleted({ target, method = 'logical', operation }: RunDetail, at: string): readonly Signal[] {
  const mended = (kind: ProblemKindName, subject?: string): Signal => ({
    problem: problemId(kind, subject),
    kind,
    state: 'ended',
    source: 'run',
    at,
    target,
    message: `the backup '${operation}' of '${target}' is complete`,
  });
  return [
    mended('backup-failed', `${target}-${method}`),
    mended('validation-failed', `${target}-${method}`),
    mended('task-not-started'),
  ];
}

function restoreEnded(
  { target, into = target, operation, code = 'internal', message = '' }: RunDetail,
  at: string,
  state: Signal['state'],
): Signal {
  return {
    problem: problemId('restore-failed', into),
    kind: 'restore-failed',
    state,
    source: 'run',
    at,
    target: into,
    message: `the restore '${operation}' into '${into}' failed: [${code}] ${message}`,
  };
}

/** Each waits for itself: one that is approved says nothing of another. */
function approvalAwaited(
  { target, into = target, operation, message = '' }: RunDetail,
  at: string,
  type: 'Recovery Awaits Approval' | 'Recovery Begun' | 'Recovery Declined',
): Signal {
  const what = {
    'Recovery Awaits Approval': message,
    'Recovery Begun': `the recovery '${operation}' into '${into}' was approved, and has begun`,
    'Recovery Declined': `the recovery '${operation}' into '${into}' does not run: ${message}`,
  };
  return {
    problem: problemId('approval-awaited', operation),
    kind: 'approval-awaited',
    state: type === 'Recovery Awaits Approval' ? 'began' : 'ended',
    source: 'run',
    at,
    target: into,
    message: what[type],
  };
}

function restoreTestEnded(
  { target, operation, code = 'internal', message = '' }: RunDetail,
  at: string,
  state: Signal['state'],
): Signal {
  return {
    problem: problemId('restore-test-failed', target),
    kind: 'restore-test-failed',
    state,
    source: 'run',
    at,
    target,
    message: `the restore test '${operation}' of '${target}' failed: [${code}] ${message}`,
  };
}

/** A cleanup of one target and one of all may fail for reasons of their own, and end for reasons of their own. */
function cleanupEnded(
  { target, operation, code = 'internal', message = '' }: RunDetail,
  at: string,
  state: Signal['state'],
): Signal {
  return {
    problem: problemId('cleanup-failed', target),
    kind: 'cleanup-failed',
    state,
    source: 'run',
    at,
    target: null,
    message: `the cleanup '${operation}' failed: [${code}] ${message}`,
  };
}

function watched(
  { problem, kind, target, message, endedAt }: z.infer<typeof problemDetailSchema>,
  at: string,
  state: Signal['state'],
): Signal {
  return { problem, kind, state, source: 'watch', at: endedAt ?? at, target, message };
}
