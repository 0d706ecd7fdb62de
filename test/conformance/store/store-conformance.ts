import assert from 'node:assert/strict';
import { after, before, suite } from 'node:test';
import type { Store } from '../../../lib/store/store.ts';
import { conditions } from './conditions.ts';
import type { Given, StoreFactory } from './given.ts';
import { objects } from './objects.ts';
import { removal } from './removal.ts';
import { uploads } from './uploads.ts';

/** The contract of lib/store/store.ts as tests: every store passes the same ones. */
export function storeConformance(name: string, makeFactory: () => Promise<StoreFactory>): void {
  suite(`store contract: ${name}`, () => {
    let factory: StoreFactory | undefined;
    let store: Store | undefined;
    before(async () => {
      factory = await makeFactory();
      store = await factory.newStore();
    });
    after(async () => {
      await store?.close();
      await factory?.dispose();
    });
    const given = (): Given => {
      assert.ok(factory && store, 'there is no store');
      return { factory, store };
    };

    objects(given);
    uploads(given);
    conditions(given);
    removal(given);
  });
}
