import type { BackupId } from '../../core/ids.ts';
import { prefixes } from '../../core/object-keys.ts';
import type { Store } from '../../store/store.ts';

/** What the names of an operation's journal entries tell; their bodies are read only where they matter. */
export type JournalSummary = {
  isRequested: boolean;
  isCompleted: boolean;
  isFailed: boolean;
  isDeleted: boolean;
  /** The entries that say what is known of its content: its completion and its verifications. */
  readonly looks: string[];
  /** The newest of its holds and releases. */
  hold: string | undefined;
  /** The newest of what cleanups decided: to remove it, or to keep it after all. */
  expiry: string | undefined;
};

const noted: Readonly<Record<string, (summary: JournalSummary, key: string) => void>> = {
  'backup-requested': (summary) => {
    summary.isRequested = true;
  },
  'backup-completed': (summary, key) => {
    summary.isCompleted = true;
    summary.looks.push(key);
  },
  'backup-failed': (summary) => {
    summary.isFailed = true;
  },
  'backup-verified': (summary, key) => {
    summary.looks.push(key);
  },
  'backup-held': (summary, key) => {
    summary.hold = later(summary.hold, key);
  },
  'backup-released': (summary, key) => {
    summary.hold = later(summary.hold, key);
  },
  'backup-expired': (summary, key) => {
    summary.expiry = later(summary.expiry, key);
  },
  'backup-kept': (summary, key) => {
    summary.expiry = later(summary.expiry, key);
  },
  'backup-deleted': (summary) => {
    summary.isDeleted = true;
  },
};

/** The journal in short, by operation: all of it, or one operation's. */
export async function summarizeJournal(
  store: Store,
  prefix: string = prefixes.journal,
): Promise<ReadonlyMap<BackupId, JournalSummary>> {
  const found = new Map<BackupId, JournalSummary>();
  for await (const { key } of store.list(prefix)) {
    const [, operation, event] = /^journal\/([^/]+)\/\d{3}-([a-z-]+)-\d{8}T\d{9}Z\.json$/.exec(key) ?? [];
    const note = event === undefined ? undefined : noted[event];
    if (operation === undefined || note === undefined) continue;
    const id = operation as BackupId;
    const summary = found.get(id) ?? nothingKnown();
    note(summary, key);
    found.set(id, summary);
  }
  return found;
}

/** Of an operation that the journal does not know. */
export const nothingKnown = (): JournalSummary => ({
  isRequested: false,
  isCompleted: false,
  isFailed: false,
  isDeleted: false,
  looks: [],
  hold: undefined,
  expiry: undefined,
});

export const isHeld = ({ hold }: JournalSummary): boolean => hold?.includes('-backup-held-') === true;

/** Has a removal been decided, and neither taken back nor finished? */
export const isExpiring = ({ expiry, isDeleted }: JournalSummary): boolean =>
  expiry?.includes('-backup-expired-') === true && !isDeleted;

/** Entries of one order end with their time. Of two of the same instant the first by name stands: a hold before a release, which is the safe way round. */
function later(known: string | undefined, key: string): string {
  return known === undefined || stampOf(key) > stampOf(known) ? key : known;
}

const stampOf = (key: string): string => key.slice(key.lastIndexOf('-') + 1);
