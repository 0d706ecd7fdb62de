import type * as z from 'zod';
import type { ErrorCode } from '../core/error-table.ts';
import type { requesterSchema } from '../core/manifest.ts';
import type { ApiDependencies } from './dependencies.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What a route gets: its request, parsed, and who asks. */
export type Call<Params, Query, Body> = ApiDependencies & {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** The caller's Idempotency-Key; empty for routes that change nothing. */
  readonly key: string;
  readonly caller: z.infer<typeof requesterSchema> & { readonly kind: 'api'; readonly name: string };
};

/** What a route answers: a value for its schema, or bytes that are what they are. */
export type Answer<Value> = {
  readonly value: Value;
  readonly headers?: Readonly<Record<string, string>>;
};
export type RawAnswer = {
  readonly text: string;
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>>;
};

/** A route as it is written down: everything that is checked at run time is described in the OpenAPI document, from the same schemas. */
export type RouteDefinition<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodType,
  Value extends z.ZodType,
> = {
  readonly method: Method;
  /** With parameters in braces: `/backups/{backupId}`. */
  readonly path: `/${string}`;
  readonly operationId: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  /** Does it change anything? Then it asks for an Idempotency-Key. @default - all but GET do */
  readonly changes?: boolean;
  readonly answer: {
    readonly status: 200 | 202;
    readonly description: string;
    readonly schema: Value;
  };
  /** Codes of the error table that it may answer beside those that every route may. */
  readonly errors: readonly ErrorCode[];
  readonly run: (
    call: Call<z.output<Params>, z.output<Query>, z.output<Body>>,
  ) => Promise<Answer<z.input<Value>> | RawAnswer>;
};

/** A route among others, its types forgotten. */
export type Route = Omit<RouteDefinition<z.ZodObject, z.ZodObject, z.ZodType, z.ZodType>, 'run'> & {
  readonly run: (call: Call<unknown, unknown, unknown>) => Promise<Answer<unknown> | RawAnswer>;
};

/** Writes down a route; what `run` gets and gives is checked against its schemas by the compiler here, and by the API at run time. */
export function route<
  Params extends z.ZodObject = z.ZodObject<Record<never, never>>,
  Query extends z.ZodObject = z.ZodObject<Record<never, never>>,
  Body extends z.ZodType = z.ZodUndefined,
  Value extends z.ZodType = z.ZodType,
>(definition: RouteDefinition<Params, Query, Body, Value>): Route {
  return definition as unknown as Route;
}

/** Must a request of this route bear an Idempotency-Key? */
export const asksForKey = ({ method, changes = method !== 'GET' }: Pick<Route, 'method' | 'changes'>): boolean =>
  changes;
