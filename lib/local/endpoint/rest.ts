import type { JsonObject } from '../json.ts';
import type { Operation } from './operation.ts';

/**
 * A service that speaks REST: which of its operations a method and the segments of a path mean, and what the path says of the input. Query and
 * body are added by the endpoint. Undefined when none is spoken here.
 */
export type RestService = (
  method: string,
  segments: readonly string[],
) => { readonly operation: Operation; readonly input: JsonObject } | undefined;
