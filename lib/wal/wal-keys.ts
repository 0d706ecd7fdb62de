import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import { backupIdSchema, compactTime, newOperationId, type TargetName, targetNameSchema } from '../core/ids.ts';
import { wrappedKeySchema } from '../core/manifest.ts';
import { walKeyRecordKey, walKeysPrefix } from '../core/object-keys.ts';
import { newDataKey } from '../keys/data-key.ts';
import { openKeyProvider } from '../keys/open-key-provider.ts';
import { putJson, readJson } from '../store/text.ts';
import type { WalContext } from './wal-context.ts';

/** A data key for WAL. Its id is made as a backup's is, and takes a backup's place wherever a key is bound to what it is for. */
export type WalDataKey = { readonly keyId: string; readonly dataKey: Buffer };

const recordSchema = z.strictObject({
  format: z.literal('holdfast-wal-key'),
  version: z.literal(1),
  target: targetNameSchema,
  systemIdentifier: z.string(),
  keyId: backupIdSchema,
  createdAt: z.iso.datetime(),
  wrappedKey: wrappedKeySchema,
});

/** A key is used for so long. One message's own key is random, so that what limits this is only what is lost with one data key. */
const keyAgeHours = 24;

/** The data keys of one system's WAL: those that there are, each unwrapped once, and the one that is written with now. */
export class WalKeys {
  readonly #context: WalContext;
  readonly #target: TargetName;
  readonly #system: string;
  readonly #opened = new Map<string, Promise<Buffer>>();
  #current: { readonly key: WalDataKey; readonly until: number } | undefined;

  constructor(context: WalContext, target: TargetName, system: string) {
    this.#context = context;
    this.#target = target;
    this.#system = system;
  }

  /**
   * The key to write with: a new one at first and after a day, or null when nothing is encrypted. Its record is in the store before anything
   * is encrypted with it; a crash in between leaves a record that nothing needs.
   */
  async current(): Promise<WalDataKey | null> {
    const { config, clock, store } = this.#context;
    if (this.#current !== undefined && clock().getTime() < this.#current.until) return this.#current.key;
    const provider = await openKeyProvider(config.encryption);
    if (provider === null) return null;
    const at = clock();
    const keyId = newOperationId(at);
    const dataKey = newDataKey();
    const wrappedKey = await provider.wrap(dataKey, { target: this.#target, backupId: keyId });
    const record: z.infer<typeof recordSchema> = {
      format: 'holdfast-wal-key',
      version: 1,
      target: this.#target,
      systemIdentifier: this.#system,
      keyId,
      createdAt: at.toISOString(),
      wrappedKey,
    };
    await putJson(store, walKeyRecordKey(this.#target, this.#system, keyId), record, { condition: 'absent' });
    return this.#take({ keyId, dataKey }, at);
  }

  /** As `current`, but first looks for a key of the last day in the store: for writers that live for one segment only. */
  async shared(): Promise<WalDataKey | null> {
    const { config, clock, store } = this.#context;
    if (this.#current !== undefined || config.encryption.keys === 'none') return this.current();
    const prefix = walKeysPrefix(this.#target, this.#system);
    const oldest = new Date(clock().getTime() - keyAgeHours * 3_600_000);
    for await (const { key } of store.list(prefix, { startAfter: `${prefix}${compactTime(oldest)}` })) {
      const keyId = key.slice(prefix.length).replace(/\.json$/, '');
      const dataKey = await this.open(keyId);
      return this.#take({ keyId, dataKey }, clock());
    }
    return this.current();
  }

  /** The data key of that id. Throws `key-missing` (also when its record is gone), `key-wrong` or `corrupt`. */
  open(keyId: string): Promise<Buffer> {
    let opening = this.#opened.get(keyId);
    if (opening === undefined) {
      opening = this.#unwrap(keyId);
      opening.catch(() => this.#opened.delete(keyId));
      this.#opened.set(keyId, opening);
    }
    return opening;
  }

  #take(key: WalDataKey, at: Date): WalDataKey {
    this.#current = { key, until: at.getTime() + keyAgeHours * 3_600_000 };
    this.#opened.set(key.keyId, Promise.resolve(key.dataKey));
    return key;
  }

  async #unwrap(keyId: string): Promise<Buffer> {
    const { store, config, openKeys } = this.#context;
    const key = walKeyRecordKey(this.#target, this.#system, keyId);
    const value = await readJson(store, key);
    if (value === undefined)
      throw new HoldfastError('key-missing', `the record '${key}' of a data key is missing, or is not JSON`, {
        hint: 'was it removed? Without it, WAL that is encrypted with that key cannot be read',
      });
    const parsed = recordSchema.safeParse(value);
    if (!parsed.success) throw new HoldfastError('corrupt', `'${key}' is no record of a data key`);
    const { wrappedKey, target } = parsed.data;
    const provider = await openKeys(wrappedKey, config.encryption);
    return provider.unwrap(wrappedKey, { target, backupId: keyId });
  }
}
