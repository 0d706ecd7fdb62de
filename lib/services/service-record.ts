import { HoldfastError } from '../core/errors.ts';
import type { TargetName } from '../core/ids.ts';
import { prefixes, serviceKey } from '../core/object-keys.ts';
import { type StoppedService, stoppedServiceSchema } from '../core/stopped-service.ts';
import { readDocument, replaceDocument } from '../store/document.ts';
import type { Store } from '../store/store.ts';

/** The record as it stands, and the tag by which a replacement says what it replaces. */
export type ServiceRecord = { readonly value: StoppedService | undefined; readonly etag: string | undefined };

/** What is known of the target's service; no value when no run ever stopped it. */
export const readServiceRecord = (store: Store, target: TargetName): Promise<ServiceRecord> =>
  readDocument(store, serviceKey(target), stoppedServiceSchema);

/** Replaces the record that was read. Rejects with `lease-lost` when somebody else was faster: another run works on the same service. */
export async function writeServiceRecord(
  store: Store,
  value: StoppedService,
  replaces: Pick<ServiceRecord, 'etag'>,
): Promise<void> {
  if (await replaceDocument(store, serviceKey(value.target), value, replaces)) return;
  throw new HoldfastError('lease-lost', `another run stops or starts the service of '${value.target}'`);
}

/** Every service that a run has stopped and nobody has started again. */
export async function* stoppedServices(store: Store): AsyncGenerator<StoppedService, void> {
  for await (const { key } of store.list(prefixes.services)) {
    const { value } = await readDocument(store, key, stoppedServiceSchema);
    if (value !== undefined && value.startedAt === null) yield value;
  }
}
