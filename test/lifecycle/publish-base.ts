import assert from 'node:assert/strict';
import { newOperationId } from '../../lib/core/ids.ts';
import type { Manifest } from '../../lib/core/manifest.ts';
import { dataKey } from '../../lib/core/object-keys.ts';
import { manifestOf } from '../catalog/manifests.ts';
import { type CleanupPlace, orders, type Published } from './cleanup-place.ts';

/** Publishes a base backup of `orders` that began so many days before the place's clock, with these facts of its cluster. */
export function publishBase(
  place: Pick<CleanupPlace, 'clock' | 'publish'>,
  daysAgo: number,
  facts: Manifest['streams'][number]['facts'],
): Promise<Published> {
  const id = newOperationId(new Date(place.clock().getTime() - daysAgo * 86_400_000), '00000001');
  const [stream] = manifestOf({ backupId: id }).streams;
  assert.ok(stream);
  const object = {
    key: dataKey(orders, id, 'a1b2', 'orders', 0),
    ...{ storedBytes: 100, storedSha256: '0'.repeat(64), plainBytes: 500, plainSha256: '0'.repeat(64) },
  };
  return place.publish(daysAgo, {
    method: 'base',
    streams: [{ ...stream, name: 'cluster', kind: 'cluster', objects: [object], facts }],
  });
}
