import type { HoldfastConfig } from '../config/config.ts';
import { walStateSchema } from '../core/health.ts';
import type { TargetName } from '../core/ids.ts';
import { walHealthKey } from '../core/object-keys.ts';
import type { WalFacts } from '../core/wal-problems.ts';
import { parseLsn } from '../engines/postgres/replication/lsn.ts';
import { openKeyProviderOf } from '../keys/open-key-provider.ts';
import { readDocument } from '../store/document.ts';
import { newestComplete } from '../store/newest-backup.ts';
import type { Store } from '../store/store.ts';
import { reportWal } from '../wal/wal-report.ts';

type Places = { readonly config: HoldfastConfig; readonly store: Store; readonly clock: () => Date };

/** The write-ahead logs that are received, as the store has them; nothing is decrypted for it. */
export async function lookAtWal(places: Places): Promise<readonly WalFacts[]> {
  const received = places.config.targets.filter(({ wal }) => wal?.receive === true);
  return Promise.all(received.map(({ name }) => lookAtLog(places, name)));
}

async function lookAtLog({ config, store, clock }: Places, target: TargetName): Promise<WalFacts> {
  const { value: state } = await readDocument(store, walHealthKey(target), walStateSchema);
  if (state === undefined || state.systemIdentifier === '') return { target, state: state ?? null, gaps: [] };
  const { signal } = new AbortController();
  const base = await baseLsn(store, target, clock());
  const reports = await reportWal({ config, store, clock, signal, openKeys: openKeyProviderOf }, target);
  const gaps = reports
    .filter(({ systemIdentifier }) => systemIdentifier === state.systemIdentifier)
    .flatMap(({ timelines }) => timelines.flatMap((timeline) => timeline.gaps))
    // A base from beyond a hole begins a stretch of its own: there is nothing left to do about it.
    .filter(
      ({ to }) => base === undefined || base.systemIdentifier !== state.systemIdentifier || base.lsn < parseLsn(to),
    );
  return { target, state, gaps };
}

/** Where the newest physical backup of the target begins. */
async function baseLsn(
  store: Store,
  target: TargetName,
  now: Date,
): Promise<{ readonly systemIdentifier: string; readonly lsn: bigint } | undefined> {
  const manifest = await newestComplete(store, { target, methods: ['base'] }, now);
  const facts = manifest?.streams.find(({ kind }) => kind === 'cluster')?.facts;
  const { startLsn, systemIdentifier } = facts ?? {};
  if (typeof startLsn !== 'string' || typeof systemIdentifier !== 'string') return undefined;
  return { systemIdentifier, lsn: parseLsn(startLsn) };
}
