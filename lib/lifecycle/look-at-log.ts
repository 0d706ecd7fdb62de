import type { HoldfastConfig } from '../config/config.ts';
import { HoldfastError } from '../core/errors.ts';
import { type WalConflict, walConflictSchema } from '../core/health.ts';
import type { BackupId, TargetName } from '../core/ids.ts';
import { walConflictKey } from '../core/object-keys.ts';
import type { WalGapFacts } from '../core/wal-problems.ts';
import { type LogSpan, logSpanOf } from '../engines/postgres/recover/cluster-facts.ts';
import { parseLsn } from '../engines/postgres/replication/lsn.ts';
import { openKeyProviderOf } from '../keys/open-key-provider.ts';
import { readDocument } from '../store/document.ts';
import { newestComplete } from '../store/newest-backup.ts';
import type { Store } from '../store/store.ts';
import { openWal, type WalLog } from '../wal/open-wal.ts';
import type { WalContext } from '../wal/wal-context.ts';

export type LogPlaces = { readonly config: HoldfastConfig; readonly store: Store; readonly clock: () => Date };

/** A base backup, with what it says of the log. */
export type BaseSpan = LogSpan & { readonly backupId: BackupId };

/** What `wal push` was refused last, of whoever pushes. */
export async function readConflict(store: Store, target: TargetName): Promise<{ readonly conflict?: WalConflict }> {
  const { value: conflict } = await readDocument(store, walConflictKey(target), walConflictSchema);
  return conflict === undefined ? {} : { conflict };
}

/** A target's log of one system, to be looked at: nothing is decrypted for that, and nobody stops it. */
export function logToLookAt({ config, store, clock }: LogPlaces, target: TargetName, system: string): WalLog {
  const { signal } = new AbortController();
  const context: WalContext = { config, store, clock, signal, openKeys: openKeyProviderOf };
  return openWal(context, target, system);
}

/** The newest whole base backup of a target. */
export async function newestBase({ store, clock }: LogPlaces, target: TargetName): Promise<BaseSpan | undefined> {
  const manifest = await newestComplete(store, { target, methods: ['base'] }, clock());
  const span = manifest && logSpanOf(manifest);
  return manifest && span && { backupId: manifest.backupId, ...span };
}

/** The holes about which there is something to be done: a base backup from beyond one begins a stretch of its own. */
export const gapsSince = (startLsn: bigint, gaps: readonly WalGapFacts[]): readonly WalGapFacts[] =>
  gaps.filter(({ to }) => startLsn < parseLsn(to));

/** What is wrong with a log: one object that is damaged must not keep the watch from everything else. Rethrows what is no fault of the log. */
export function whyUnreadable(error: unknown): string {
  if (!(error instanceof HoldfastError) || error.retryable) throw error;
  return `[${error.code}] ${error.message}`;
}
