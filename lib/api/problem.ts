import * as z from 'zod';
import { type ErrorCode, errorTable } from '../core/error-table.ts';
import { asHoldfastError, HoldfastError } from '../core/errors.ts';

const codes = Object.keys(errorTable) as [ErrorCode, ...ErrorCode[]];

/** An error as every route tells it: RFC 9457, with the code and the hint of the error table. */
export const problemSchema = z
  .strictObject({
    type: z.string().describe('urn:holdfast:error:<code>'),
    title: z.string().describe('The code in words'),
    status: z.number().int(),
    detail: z.string().describe('What happened'),
    code: z.enum(codes).describe('A row of the error table; `holdfast explain errors` lists them'),
    hint: z.string().describe('What to try next'),
    retryable: z.boolean().describe('Can the same request succeed later, with nothing changed?'),
    problems: z
      .array(z.strictObject({ path: z.string(), message: z.string() }))
      .optional()
      .describe('Of a request that is not understood: every part of it that is wrong'),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof problemSchema>;

/** A request that its schema refuses, told part by part. */
export class RequestRefused extends HoldfastError {
  readonly problems: NonNullable<Problem['problems']>;

  constructor(where: string, error: z.ZodError) {
    super('usage', `the ${where} of the request is not understood`, {
      hint: 'correct what is named under problems; GET /openapi.json describes every request',
    });
    this.problems = error.issues.map(({ path, message }) => ({ path: [where, ...path].join('.'), message }));
  }
}

/** How long a caller is asked to wait before it tries again what can succeed then, in seconds: a catalog that was paused needs it. */
const retryAfterSeconds = 30;

/**
 * The answer for an error. What is ours says what happened; of anything else nothing is told, since nobody has looked at what its message may hold.
 */
export function problemAnswer(thrown: unknown, headers: Readonly<Record<string, string>> = {}): Response {
  const error = asHoldfastError(thrown);
  const { http, retryable } = errorTable[error.code];
  const isOurs = thrown instanceof HoldfastError && error.code !== 'internal';
  const problem: Problem = {
    type: `urn:holdfast:error:${error.code}`,
    title: error.code.replaceAll('-', ' '),
    status: http,
    detail: isOurs
      ? error.message
      : 'the request failed for a reason that nobody foresaw; the log of the function has it',
    code: error.code,
    hint: error.hint,
    retryable,
    ...(error instanceof RequestRefused ? { problems: [...error.problems] } : {}),
  };
  return new Response(JSON.stringify(problem), {
    status: http,
    headers: {
      'content-type': 'application/problem+json',
      ...(http === 503 ? { 'retry-after': String(retryAfterSeconds) } : {}),
      ...headers,
    },
  });
}
