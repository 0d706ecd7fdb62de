import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import { idempotencyKey } from '../core/object-keys.ts';
import type { Store } from '../store/store.ts';
import { putJson, readText } from '../store/text.ts';

/** The wish that a key stands for. */
export type Wish = {
  readonly key: string;
  readonly caller: string;
  readonly operation: string;
  /** What was asked for; compared, and not kept. */
  readonly request: unknown;
};

/** `id` names the wish, and is the same however often it is asked for; `at` is when it was asked for first. */
export type Claim = { readonly id: string; readonly at: Date };

const recordSchema = z.strictObject({
  operation: z.string(),
  requestSha256: z.string(),
  caller: z.string(),
  at: z.iso.datetime(),
});

/** Step Functions remembers an execution, by whose name a second start is recognised, for 90 days. */
const memoryMs = 89 * 86_400_000;

/**
 * Claims an Idempotency-Key for a wish. Asked again with the same key, the same wish has the same id, from which everything that is done for it takes
 * its name; another wish under the same key is refused with `idempotency-key-reused`. Each caller has keys of its own.
 *
 * The claim is one write-once object, written before anything is done: a crash after it leaves a key that whoever asks again takes up where it was left.
 */
export async function claimKey(store: Store, { key, caller, operation, request }: Wish, now: Date): Promise<Claim> {
  const id = sha256(`${caller}\n${key}`).slice(0, 32);
  const record = {
    operation,
    requestSha256: sha256(canonicalize(request) ?? ''),
    caller,
    at: now.toISOString(),
  };
  const objectKey = idempotencyKey(id);
  if (await putJson(store, objectKey, record, { condition: 'absent' })) return { id, at: now };
  const standing = recordSchema.parse(JSON.parse((await readText(store, objectKey)) ?? 'null'));
  if (standing.operation !== operation || standing.requestSha256 !== record.requestSha256)
    throw new HoldfastError(
      'idempotency-key-reused',
      `this Idempotency-Key was used for another request at ${standing.at}`,
    );
  if (now.getTime() - Date.parse(standing.at) > memoryMs)
    throw new HoldfastError(
      'idempotency-key-reused',
      `this Idempotency-Key was used for this request at ${standing.at} already`,
    );
  return { id, at: new Date(standing.at) };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
