import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '../../lib/config/load.ts';
import type { JournalEvent } from '../../lib/core/journal.ts';
import { createRecorder } from '../../lib/lifecycle/recorder.ts';
import { openStore } from '../../lib/store/open-store.ts';

/**
 * A real directory store with a configuration of one target, a clock that stands still, and a recorder without a catalog. `settings` are the
 * target's, as YAML.
 */
export async function lifecycle(settings: Readonly<Record<string, string>> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-lifecycle-'));
  await mkdir(join(folder, 'vault'));
  const config = parseConfig(
    `store: { kind: file, path: ./vault }
encryption: { keys: none }
targets:
  - name: orders
    engine: postgres
    connection: { host: 127.0.0.1, user: backup, password: { env: PW } }
${Object.entries(settings)
  .map(([name, value]) => `    ${name}: ${value}\n`)
  .join('')}`,
    { file: 'holdfast.yaml', directory: folder, environment: {} },
  );
  const store = await openStore(config.store);
  const recorded: JournalEvent[] = [];
  const inner = createRecorder({ store, catalog: undefined, warn: () => {} });
  return {
    config,
    store,
    recorded,
    recorder: {
      record: async (event: JournalEvent) => {
        recorded.push(event);
        return inner.record(event);
      },
    },
    clock: () => new Date('2026-11-21T02:00:00.000Z'),
    [Symbol.asyncDispose]: async () => {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}
