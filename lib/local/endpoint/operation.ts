import { AwsError } from '../aws-error.ts';
import type { CallContext } from '../call-log.ts';
import type { Caller } from '../identities.ts';
import type { Json, JsonObject } from '../json.ts';

/** One operation of an AWS service that the local endpoint speaks. */
export type Operation = {
  /** As in policies, e.g. `states:StartExecution`. */
  readonly action: string;
  /** The ARN that a policy would have to name. */
  readonly resource: (input: JsonObject) => string;
  /** The condition keys that a policy may look at. @default - none */
  readonly context?: (input: JsonObject) => CallContext;
  /** A role that the caller hands on with it, and the service that gets it. @default - none */
  readonly passes?: (input: JsonObject) => { readonly roleArn: string; readonly service: string };
  readonly run: (input: JsonObject, caller: Caller) => Json | Promise<Json>;
};

/** Operations of one service, by name. */
export type Operations = Readonly<Record<string, Operation>>;

/** The text at `name`. Throws `ValidationException` when there is none. */
export function text(input: JsonObject, name: string): string {
  const value = input[name];
  if (typeof value !== 'string') throw new AwsError('ValidationException', `'${name}' must be given`);
  return value;
}

/** The text at `name`, if there is one. */
export function optionalText(input: JsonObject, name: string): string | undefined {
  return typeof input[name] === 'string' ? input[name] : undefined;
}

/** A time in the form of the JSON protocols: seconds since 1970. */
export function seconds(time: string): number {
  return Date.parse(time) / 1000;
}
