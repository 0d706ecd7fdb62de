import { type Lsn, parseLsn } from './lsn.ts';

/** A timeline that this one comes from, and where the next one left it. */
export type TimelineFork = { readonly timeline: number; readonly end: Lsn; readonly reason: string };

/**
 * What a history file says: the timelines that its own comes from, oldest first, each with the position where the next one left it. Lines
 * are `<timeline> TAB <position> TAB <reason>`; empty ones and those that begin with `#` say nothing
 * (readTimeLineHistory in src/backend/access/transam/timeline.c). Throws when a line is neither.
 */
export function parseTimelineHistory(text: string): readonly TimelineFork[] {
  const forks: TimelineFork[] = [];
  for (const line of text.split('\n')) {
    const words = line.trim();
    if (words === '' || words.startsWith('#')) continue;
    const [, timeline, position, reason] = /^(\d+)\s+([0-9A-Fa-f]+\/[0-9A-Fa-f]+)\s*(.*)$/.exec(words) ?? [];
    if (timeline === undefined || position === undefined)
      throw new Error(`'${words}' is no line of a timeline's history`);
    forks.push({ timeline: Number(timeline), end: parseLsn(position), reason: reason ?? '' });
  }
  return forks;
}

/** The timelines through which a server came to `timeline`, itself the last, and where each one was left. */
export type TimelinePath = readonly { readonly timeline: number; readonly begin: Lsn; readonly end: Lsn | undefined }[];

/** The way to `timeline` along its history. */
export function timelinePath(timeline: number, forks: readonly TimelineFork[]): TimelinePath {
  const stretches = [...forks.map(({ timeline: id, end }) => ({ timeline: id, end })), { timeline, end: undefined }];
  return stretches.map((stretch, index) => ({ ...stretch, begin: stretches[index - 1]?.end ?? 0n }));
}

/** The timeline that a position is on; one where a timeline was left is on the next. */
export const timelineAt = (path: TimelinePath, lsn: Lsn): number =>
  path.find(({ end }) => end === undefined || lsn < end)?.timeline ?? 1;
