import { createHash, randomBytes } from 'node:crypto';
import { type Client, escapeIdentifier, escapeLiteral } from 'pg';
import * as z from 'zod';
import type { DestinationLocks } from './destination-locks.ts';

/**
 * Databases that a restore makes beside its destination: the copy being restored, and the old one renamed aside. Each says so in
 * its comment, and its name tells the destination's hash, so that whoever comes after a crash can tell whose it was.
 */
const markerSchema = z.object({
  /** `restoring`: being filled. `differs`: whole, but not what the backup says; kept for a look. `replaced`: the old one, after the swap. */
  state: z.enum(['restoring', 'differs', 'replaced']),
  destination: z.string(),
  at: z.string(),
});
export type Marker = z.infer<typeof markerSchema>;

const markerPrefix = 'holdfast ';
const namePattern = /^holdfast-(?:restoring|replaced)-[0-9a-f]{16}-[0-9a-f]{8}$/;

/** Stands for a destination in names and locks. */
export const hashOf = (destination: string) => createHash('sha256').update(destination).digest('hex').slice(0, 16);

/** 43 bytes at most, whatever the destination's name; safe in an argument. */
export function newWorkName(state: 'restoring' | 'replaced', destination: string): string {
  return `holdfast-${state}-${hashOf(destination)}-${randomBytes(4).toString('hex')}`;
}

export function markStatement(name: string, marker: Omit<Marker, 'at'>): string {
  const text = markerPrefix + JSON.stringify({ ...marker, at: new Date().toISOString() });
  return `comment on database ${escapeIdentifier(name)} is ${escapeLiteral(text)}`;
}

function parseMarker(comment: string | null): Marker | undefined {
  if (!comment?.startsWith(markerPrefix)) return undefined;
  try {
    return markerSchema.safeParse(JSON.parse(comment.slice(markerPrefix.length))).data;
  } catch {
    return undefined;
  }
}

const workDatabasesQuery = `
select d.datname as name, shobj_description(d.oid, 'pg_database') as comment
  from pg_database d
 where d.datname like 'holdfast-re%'`;

/**
 * Drops what crashed restores left. A database goes only when its name is one that we give, its comment is our marker (or none yet:
 * the crash was between creating and marking it), and nobody holds its destination's lock. One that differed from its backup stays for
 * a look until its destination is restored again.
 */
export async function dropLeftovers(
  client: Client,
  locks: DestinationLocks,
  destinations: readonly string[],
): Promise<string[]> {
  const ours = new Set(destinations.map(hashOf));
  const { rows } = await client.query<{ name: string; comment: string | null }>(workDatabasesQuery);
  const dropped: string[] = [];
  for (const { name, comment } of rows) {
    const marker = parseMarker(comment);
    if (!namePattern.test(name) || (comment !== null && !marker)) continue;
    const hash = name.split('-')[2] ?? '';
    const mayDrop = ours.has(hash) || (marker?.state !== 'differs' && (await locks.takeHash(hash)));
    if (!mayDrop) continue;
    await client.query(`drop database if exists ${escapeIdentifier(name)} with (force)`);
    dropped.push(name);
  }
  return dropped;
}
