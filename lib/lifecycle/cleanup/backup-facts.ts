import pLimit from 'p-limit';
import { asHoldfastError } from '../../core/errors.ts';
import type { BackupId, TargetName } from '../../core/ids.ts';
import { type Manifest, nameOfRequester } from '../../core/manifest.ts';
import type { BackupFacts, Hold } from '../../core/retention/facts.ts';
import type { LogStart } from '../../core/retention/log-facts.ts';
import { readManifest } from '../../store/backups.ts';
import { readEvent } from '../../store/journal.ts';
import type { Store } from '../../store/store.ts';
import { verificationIn } from '../../store/verification.ts';
import { isHeld, type JournalSummary, nothingKnown } from './journal-summary.ts';
import { logStartOf } from './log-start.ts';
import type { Contents } from './store-contents.ts';

/** Manifests read side by side. */
const readsAtATime = 32;

export type PublishedFacts = {
  readonly facts: readonly BackupFacts[];
  /** Which attempt's data each manifest names, by `<target>/<id>`. */
  readonly attempts: ReadonlyMap<string, ReadonlySet<string>>;
  readonly unreadable: ReadonlyMap<TargetName, string>;
  /** From where on those need their server's log that need one, by `<target>/<id>`. */
  readonly logStarts: ReadonlyMap<string, LogStart | 'unknown'>;
};

/** What the store alone says of its published backups: manifests, and of the journal what happened to them since. */
export async function publishedFacts(
  store: Store,
  contents: readonly Contents[],
  journal: ReadonlyMap<BackupId, JournalSummary>,
): Promise<PublishedFacts> {
  const limit = pLimit(readsAtATime);
  const attempts = new Map<string, ReadonlySet<string>>();
  const unreadable = new Map<TargetName, string>();
  const logStarts = new Map<string, LogStart | 'unknown'>();
  const facts = await Promise.all(
    contents.map((found) =>
      limit(async (): Promise<BackupFacts | undefined> => {
        const { target, id, manifestWrittenAt } = found;
        if (manifestWrittenAt === undefined) return undefined;
        try {
          const manifest = await readManifest(store, target, id);
          attempts.set(`${target}/${id}`, attemptsOf(manifest));
          const start = logStartOf(manifest, manifestWrittenAt);
          if (start !== null) logStarts.set(`${target}/${id}`, start);
          return await factsOf(store, manifest, { ...found, manifestWrittenAt }, journal.get(id) ?? nothingKnown());
        } catch (error) {
          const { code, retryable, message } = asHoldfastError(error);
          // Gone since it was listed: no backup any more.
          if (code === 'backup-unknown') return undefined;
          if (retryable || code === 'internal') throw error;
          unreadable.set(target, `nothing of '${target}' goes while one of its backups cannot be read: ${message}`);
          return undefined;
        }
      }),
    ),
  );
  return { facts: facts.filter((known) => known !== undefined), attempts, unreadable, logStarts };
}

async function factsOf(
  store: Store,
  manifest: Manifest,
  { manifestWrittenAt, storedBytes }: Contents & { readonly manifestWrittenAt: Date },
  journal: JournalSummary,
): Promise<BackupFacts> {
  const { backupId: id, target, tenant, method, tier, beganAt, endedAt, parent, retention } = manifest;
  return {
    id,
    target,
    tenant,
    method,
    tier,
    beganAt,
    endedAt,
    writtenAt: manifestWrittenAt.toISOString(),
    // What its own validation refused ended as a failure, though its manifest was written before.
    status: manifest.status === 'complete' && journal.isFailed && !journal.isCompleted ? 'unproved' : manifest.status,
    verification: (await verificationIn(store, journal.looks)).status,
    parent,
    retentionUntil: retention.until,
    storedBytes,
    hold: await holdOf(store, journal),
    lockedUntil: null,
  };
}

/** The hold that stands, from the journal. A hold whose entry cannot be read holds all the same. */
export async function holdOf(store: Store, journal: JournalSummary): Promise<Hold | null> {
  if (journal.hold === undefined || !isHeld(journal)) return null;
  const event = await readEvent(store, journal.hold);
  if (event.event !== 'backup-held') return null;
  return { since: event.at, by: nameOfRequester(event.heldBy), reason: event.reason };
}

const attemptsOf = ({ target, backupId, streams }: Manifest): ReadonlySet<string> =>
  new Set(
    streams.flatMap(({ objects }) =>
      objects.map(({ key }) => key.slice(`backups/${target}/${backupId}/`.length).split('/')[0] ?? ''),
    ),
  );
