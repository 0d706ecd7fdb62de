import * as z from 'zod';
import { type ErrorCode, errorTable } from './error-table.ts';

/** A failure as it is recorded and shown: the code from the error table, what happened, and what to try. */
export const failureSchema = z.object({ code: z.string(), message: z.string(), hint: z.string() });
export type Failure = z.infer<typeof failureSchema>;

/** What a state machine's `Catch` hands on. */
export const caughtSchema = z.object({ Error: z.string(), Cause: z.string().default('') });

/** Either form: the failure path gets whichever the failing state left behind. */
export const anyFailureSchema = z
  .union([failureSchema, caughtSchema])
  .transform((value) => ('code' in value ? value : failureOf(value)));

const hintMark = ' — ';

/** A failure as one text: what happened, and what to try. A message may have the mark in it, from a name or a server; a hint has none. */
export const joinHint = ({ message, hint }: Pick<Failure, 'message' | 'hint'>): string =>
  `${message}${hintMark}${hint.replaceAll(hintMark, ' - ')}`;

/** That text taken apart again; `hint` is what is said where it has none. */
export function splitHint(text: string, hint: string): Pick<Failure, 'message' | 'hint'> {
  const at = text.lastIndexOf(hintMark);
  return at < 0 ? { message: text, hint } : { message: text.slice(0, at), hint: text.slice(at + hintMark.length) };
}

/** A caught ASL error as a failure. Errors of our own Lambdas bear their code as their name; anything else is told as it came. */
export function failureOf(caught: z.infer<typeof caughtSchema>): Failure {
  const message = messageIn(caught.Cause) ?? caught.Cause;
  if (caught.Error in errorTable) {
    const code = caught.Error as ErrorCode;
    return { code, ...splitHint(message || code, errorTable[code].hint) };
  }
  const timedOut = caught.Error === 'States.Timeout';
  const code: ErrorCode = timedOut ? 'deadline' : 'internal';
  return {
    code,
    message: timedOut ? 'the step did not end within its time' : `${caught.Error}${message ? `: ${message}` : ''}`,
    hint: errorTable[code].hint,
  };
}

function messageIn(cause: string): string | undefined {
  try {
    const value = JSON.parse(cause) as { errorMessage?: unknown; StoppedReason?: unknown };
    const text = value.errorMessage ?? value.StoppedReason;
    return typeof text === 'string' ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Is it the failure of what nobody has approved, and so was never run? */
export const isDeclined = (code: string | null | undefined): boolean =>
  code === 'recovery-refused' || code === 'approval-expired';
