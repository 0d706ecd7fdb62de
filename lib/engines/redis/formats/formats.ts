import { HoldfastError } from '../../../core/errors.ts';
import type { Format } from '../../../core/vocabulary.ts';
import { aofFormat } from './aof-format.ts';
import type { KeyFormat } from './format.ts';
import { jsonFormat } from './json-format.ts';
import { rdbFormat } from './rdb-format.ts';

/** The stream of ACL users, which holds no keys. */
export const aclFormat = 'redis-acl';

const formats: Readonly<Partial<Record<Format, KeyFormat>>> = { rdb: rdbFormat, json: jsonFormat, aof: aofFormat };

/** The form of keys that a request names. */
export function keyFormat(format: Format): KeyFormat {
  const found = formats[format];
  if (!found) throw new HoldfastError('usage', `the format '${format}' is not one of redis`);
  return found;
}

/** The form of keys that a stream's record names. */
export function keyFormatNamed(name: string): KeyFormat {
  const found = Object.values(formats).find((format) => format.name === name);
  if (!found) throw new HoldfastError('corrupt', `the format '${name}' is not one of redis`);
  return found;
}
