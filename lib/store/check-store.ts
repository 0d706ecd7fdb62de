import { randomBytes } from 'node:crypto';
import { HoldfastError } from '../core/errors.ts';
import type { Store } from './store.ts';

type Finding = { readonly level: 'ok' | 'warning' | 'error'; readonly message: string; readonly fix: string };

/**
 * Proves by trying that a store keeps what Holdfast relies on: what is written can be read, an object is created once however many try, and a
 * replacement that names an old version is refused. Some S3 servers let every conditional write win, which would let two writers publish.
 */
export async function checkStore(store: Store): Promise<readonly Finding[]> {
  const key = `checks/${randomBytes(8).toString('hex')}`;
  const first = Buffer.from('first');
  const created = await Promise.allSettled(
    Array.from({ length: 8 }, () => store.put(key, first, { condition: 'absent' })),
  );
  const winners = created.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failure = created.find((result) => result.status === 'rejected' && !isRefusal(result.reason));
  if (winners.length === 0)
    throw failure?.status === 'rejected'
      ? failure.reason
      : new HoldfastError('internal', 'nobody could create an object');
  const findings: Finding[] = [];
  if (winners.length > 1)
    findings.push(unconditional(`${winners.length} of 8 writers created one and the same object`));

  const old = winners[0]?.etag ?? '';
  await store.put(key, Buffer.from('second'), { condition: { etag: old } });
  const late = await store.put(key, first, { condition: { etag: old } }).then(
    () => true,
    (error: unknown) => {
      if (isRefusal(error)) return false;
      throw error;
    },
  );
  if (late) findings.push(unconditional('a replacement that named an old version was accepted'));
  // The writing role may not delete; what is left behind is a few bytes under 'checks/'.
  await store.delete(key).catch(() => {});
  return findings.length > 0
    ? findings
    : [{ level: 'ok', message: `'${store.url}' is writable and honours conditional writes`, fix: '' }];
}

const isRefusal = (error: unknown): boolean => error instanceof HoldfastError && error.code === 'already-exists';

const unconditional = (message: string): Finding => ({
  level: 'error',
  message,
  fix: 'this store does not honour conditional writes: two runs could overwrite each other. Use S3, MinIO, versitygw or a directory',
});
