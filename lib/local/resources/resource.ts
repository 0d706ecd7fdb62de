import * as z from 'zod';
import { HoldfastError } from '../../core/errors.ts';
import type { Assembly } from '../assembly.ts';
import type { Json, JsonObject } from '../json.ts';
import type { LocalModel, Origin } from '../model.ts';

/** The account of every local ARN. */
export const localAccount = '000000000000';

/** What a resource may look at while it is given its meaning, and the model that it adds itself to. */
export type ResourceContext = {
  readonly origin: Origin;
  readonly type: string;
  readonly assembly: Assembly;
  readonly model: LocalModel;
  readonly settings: ModelSettings;
  /** The name that the template gives, or else one made of stack and logical id. */
  readonly physicalName: (given: string | undefined) => string;
  readonly arn: (service: string, resource: string) => string;
};

/** What the local stack decides, and templates refer to. */
export type ModelSettings = {
  readonly region: string;
  /** A short folder under which each database's socket folder lies: socket paths may have 107 characters. */
  readonly socketRoot: string;
  /** Where function URLs are served, e.g. `http://127.0.0.1:8084/functions`. */
  readonly functionUrlBase: string;
  /** Where queues have their URLs. */
  readonly queueUrlBase: string;
};

/** What other resources see of it: the values of `Ref` and `Fn::GetAtt`. */
export type ResourceValues = { readonly ref: string; readonly attributes?: JsonObject };

/** A resource type that has a meaning on one machine. */
export type ResourceKind = {
  readonly type: string;
  readonly add: (properties: JsonObject, context: ResourceContext) => ResourceValues;
};

/**
 * A resource kind from the properties that it uses (a strict schema: what it does not name is an error) and what it does
 * with them.
 */
export function resourceKind<T>(kind: {
  readonly type: string;
  readonly properties: z.ZodType<T>;
  readonly add: (properties: T, context: ResourceContext) => ResourceValues;
}): ResourceKind {
  return {
    type: kind.type,
    add: (properties, context) => {
      const parsed = kind.properties.safeParse(properties);
      if (!parsed.success) throw unsupported(context, parsed.error.issues.map(describeIssue).join('; '));
      return kind.add(parsed.data, context);
    },
  };
}

/** The error for a resource that the local stack cannot play, naming stack, resource and type. */
export function unsupported({ origin, type }: Pick<ResourceContext, 'origin' | 'type'>, why: string): HoldfastError {
  return new HoldfastError(
    'assembly-unsupported',
    `stack '${origin.stack}', resource '${origin.logicalId}' of type '${type}': ${why}`,
  );
}

function describeIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys')
    return issue.keys
      .map((key) => `the property '${[...issue.path, key].join('.')}' is not known to the local stack`)
      .join('; ');
  return `the property '${issue.path.join('.')}': ${issue.message}`;
}

/** A property that templates may write as number or as text. */
export const numberProperty = z.coerce.number();
/** A property that templates may write as boolean or as text. */
export const booleanProperty = z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')]);
/** A map of texts, such as environment variables. */
export const textsProperty = z.record(z.string(), z.coerce.string());
/** JSON that a template writes either as text or as an object. */
export const jsonTextProperty = z.union([
  z.string().transform((text) => JSON.parse(text) as JsonObject),
  z.record(z.string(), z.json()) as z.ZodType<{ readonly [key: string]: Json }>,
]);
