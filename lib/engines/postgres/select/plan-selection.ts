import type { Client } from 'pg';
import { HoldfastError } from '../../../core/errors.ts';
import { firstFew } from '../../../core/first-few.ts';
import type { Selection } from '../../../core/selection.ts';
import type { TocEntry } from '../archive/read-toc.ts';
import { missingEntries, missingOwners, nameOfEntry } from './missing-entries.ts';
import { relationKinds, selectEntries } from './select-entries.ts';

export type SelectionPlan = {
  /** Everything that is put back. */
  readonly selected: ReadonlySet<number>;
  /** What of it the database has already, of the kinds that can be moved aside. */
  readonly existing: readonly TocEntry[];
  /** What the selection did not name and brings along because the database lacks it. */
  readonly alongside: readonly TocEntry[];
};

/**
 * Holds a selection against the database that `client` is in. What the selection needs and the database lacks comes along when it is asked
 * to; a schema always does. Rejects with `preflight-failed`, naming everything that is missing, before anything is changed.
 */
export async function planSelection(
  client: Client,
  entries: readonly TocEntry[],
  selection: Selection,
): Promise<SelectionPlan> {
  const named = selectEntries(entries, selection);
  let chosen = named;
  for (;;) {
    const missing = (await missingEntries(client, chosen.needed)).filter(({ kind }) => isObject(kind));
    const taken = selection.withDependencies ? missing : missing.filter(({ kind }) => kind === 'SCHEMA');
    if (taken.length === 0) {
      if (missing.length > 0) throw lacks(missing);
      break;
    }
    chosen = selectEntries(entries, selection, new Set([...chosen.selected, ...taken.map(({ dumpId }) => dumpId)]));
  }
  const selected = entries.filter(({ dumpId }) => chosen.selected.has(dumpId));
  const owners = await missingOwners(client, selected);
  if (owners.length > 0)
    throw new HoldfastError(
      'preflight-failed',
      `the server has no role ${owners.map((name) => `'${name}'`).join(', ')}, which what is chosen belongs to`,
      { hint: 'create the roles, or restore the whole backup with its globals' },
    );
  // A sequence of a table's own is moved with the table.
  const relations = selected.filter(({ kind }) => relationKinds.has(kind) || kind === 'SCHEMA');
  const absent = new Set((await missingEntries(client, relations)).map(({ dumpId }) => dumpId));
  const existing = relations.filter(({ dumpId }) => !absent.has(dumpId));
  const schemas = new Set(existing.filter(({ kind }) => kind === 'SCHEMA').map(({ dumpId }) => dumpId));
  return {
    selected: new Set([...chosen.selected].filter((dumpId) => !schemas.has(dumpId))),
    existing: existing.filter(({ kind }) => kind !== 'SCHEMA'),
    alongside: selected.filter(({ dumpId, kind }) => !named.selected.has(dumpId) && isObject(kind)),
  };
}

/** Entries that are not an object of their own, but rows, privileges or remarks of one. */
const isObject = (kind: string): boolean =>
  !['TABLE DATA', 'SEQUENCE SET', 'ACL', 'COMMENT', 'SECURITY LABEL', 'ENCODING', 'STDSTRINGS', 'SEARCHPATH'].includes(
    kind,
  );

function lacks(missing: readonly TocEntry[]): HoldfastError {
  return new HoldfastError(
    'preflight-failed',
    `what is chosen depends on ${firstFew(missing.map(nameOfEntry))}, which the destination does not have`,
    { hint: 'take it along with --with-dependencies, or make it there first; nothing was changed' },
  );
}
