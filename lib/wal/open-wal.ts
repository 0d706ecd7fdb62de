import { buffer } from 'node:stream/consumers';
import { HoldfastError } from '../core/errors.ts';
import type { TargetName } from '../core/ids.ts';
import { walKey, walSystemPrefix, walTargetPrefix } from '../core/object-keys.ts';
import { formatLsn, type Lsn, parseLsn } from '../engines/postgres/replication/lsn.ts';
import {
  parseTimelineHistory,
  type TimelinePath,
  timelinePath,
} from '../engines/postgres/replication/timeline-history.ts';
import { historyName, segmentName } from '../engines/postgres/replication/wal-segments.ts';
import { isMissing } from '../store/text.ts';
import { readWalObject } from './read-wal.ts';
import { readWalHeader } from './read-wal-header.ts';
import { extentOf, segmentsOf, type WalSegment } from './wal-contents.ts';
import type { WalContext } from './wal-context.ts';
import { WalKeys } from './wal-keys.ts';
import { parseWalName, timelineDigits } from './wal-names.ts';
import type { WalHeader } from './wal-object.ts';

/** How far WAL goes without a hole; positions as text, `A/FF000000`. */
export type WalReach = {
  readonly timeline: number;
  readonly lsn: string;
  /** The first segment that is not there, or not whole. */
  readonly missing: string;
  /** Is there WAL beyond it? Then something is lost, and not only not yet there. */
  readonly isGap: boolean;
};

/** The WAL of one system in the store, to be read. What it says of segments is what the store had when it was first asked for that timeline. */
export interface WalLog {
  readonly systemIdentifier: string;
  /** The size of every segment; undefined when there is none. */
  segmentBytes(): Promise<number | undefined>;
  /** The timelines that there is anything of, in order. */
  timelines(): Promise<readonly number[]>;
  /** What there is of a timeline from the segment of that position on, in order; all of it when no position is named. */
  segments(timeline: number, from?: string): Promise<readonly WalSegment[]>;
  /** What an object says of itself: a segment's, a piece's or another file's. Rejects with `object-missing` or `corrupt`. */
  about(name: string): Promise<WalHeader>;
  /** The timeline's history file; undefined when the store has none, as for the first timeline. */
  history(timeline: number): Promise<Buffer | undefined>;
  /**
   * The plain bytes of a file by the server's name: a whole segment, be it stored as such or in pieces, which are then followed by zeros to
   * the segment's size; a history file; whatever else was archived. Proved whole when the iteration ends normally. Rejects with
   * `object-missing`, `corrupt`, `key-missing` or `key-wrong`.
   */
  read(name: string): AsyncIterable<Uint8Array>;
  /**
   * How far WAL goes without a hole from a position on, along the path `to`, or to the newest timeline that comes from that position's
   * own. Who knows the way there needs no key for the history. Rejects with `object-missing` when a history that this needs is not there.
   */
  reachable(
    from: { readonly timeline: number; readonly lsn: string },
    to?: { readonly path: TimelinePath },
  ): Promise<WalReach>;
}

/** The WAL that the store has of one system of a target. Asks for nothing yet. */
export function openWal(context: WalContext, target: TargetName, systemIdentifier: string): WalLog {
  return new StoredWal(context, target, systemIdentifier);
}

/** The systems of a target that the store has WAL of. */
export async function walSystems(context: Pick<WalContext, 'store'>, target: TargetName): Promise<readonly string[]> {
  const prefix = walTargetPrefix(target);
  const systems: string[] = [];
  // One listing for each: from beyond everything that the last one has.
  for (let startAfter: string | undefined; ; ) {
    let found: string | undefined;
    for await (const { key } of context.store.list(prefix, startAfter === undefined ? {} : { startAfter })) {
      found = key.slice(prefix.length).split('/')[0];
      break;
    }
    if (found === undefined) return systems;
    systems.push(found);
    startAfter = `${prefix}${found}/\u{10ffff}`;
  }
}

class StoredWal implements WalLog {
  readonly systemIdentifier: string;
  readonly #context: WalContext;
  readonly #target: TargetName;
  readonly #keys: WalKeys;
  readonly #segments = new Map<number, Promise<readonly WalSegment[]>>();
  #timelines: Promise<readonly number[]> | undefined;
  #segmentBytes: Promise<number | undefined> | undefined;

  constructor(context: WalContext, target: TargetName, systemIdentifier: string) {
    this.systemIdentifier = systemIdentifier;
    this.#context = context;
    this.#target = target;
    this.#keys = new WalKeys(context, target, systemIdentifier);
  }

  segmentBytes(): Promise<number | undefined> {
    this.#segmentBytes ??= this.#readSegmentBytes();
    return this.#segmentBytes;
  }

  timelines(): Promise<readonly number[]> {
    this.#timelines ??= this.#listTimelines();
    return this.#timelines;
  }

  segments(timeline: number, from?: string): Promise<readonly WalSegment[]> {
    if (from !== undefined) return this.#listSegments(timeline, parseLsn(from));
    let listing = this.#segments.get(timeline);
    if (listing === undefined) {
      listing = this.#listSegments(timeline, 0n);
      this.#segments.set(timeline, listing);
    }
    return listing;
  }

  async about(name: string): Promise<WalHeader> {
    const key = walKey(this.#target, this.systemIdentifier, name);
    return (await readWalHeader(this.#context.store, key, this.#context.signal)).header;
  }

  async history(timeline: number): Promise<Buffer | undefined> {
    try {
      return await buffer(this.#readObject(historyName(timeline)));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async *read(name: string): AsyncGenerator<Uint8Array> {
    const isSegment = parseWalName(name)?.kind === 'segment';
    try {
      yield* this.#readObject(name);
    } catch (error) {
      if (!isMissing(error) || !isSegment) throw error;
      yield* this.#readPieces(name);
    }
  }

  async reachable(
    from: { readonly timeline: number; readonly lsn: string },
    to?: { readonly path: TimelinePath },
  ): Promise<WalReach> {
    const segmentBytes = await this.segmentBytes();
    const path = to === undefined ? await this.#newestPath(from) : to.path;
    if (segmentBytes === undefined || path === undefined)
      throw new HoldfastError('object-missing', `the store has no WAL of system ${this.systemIdentifier}`);
    const segments = new Map(
      await Promise.all(path.map(async ({ timeline }) => [timeline, await this.segments(timeline)] as const)),
    );
    const { lsn, ...reach } = extentOf(segments, path, { from: parseLsn(from.lsn), segmentBytes });
    return { ...reach, lsn: formatLsn(lsn) };
  }

  /** Along the newest timeline that the position's own led to, at that position or later. */
  async #newestPath(from: { readonly timeline: number; readonly lsn: string }): Promise<TimelinePath | undefined> {
    const lsn = parseLsn(from.lsn);
    for (const timeline of (await this.timelines()).toReversed()) {
      if (timeline < from.timeline) break;
      const path = await this.#pathTo(timeline);
      const own = path.find((stretch) => stretch.timeline === from.timeline);
      if (own !== undefined && (own.end === undefined || own.end >= lsn)) return path;
    }
    return (await this.segmentBytes()) === undefined ? undefined : timelinePath(from.timeline, []);
  }

  async #pathTo(timeline: number): Promise<TimelinePath> {
    const history = await this.history(timeline);
    if (history === undefined && timeline !== 1)
      throw new HoldfastError(
        'object-missing',
        `the store lacks '${historyName(timeline)}', which tells the way there`,
      );
    return timelinePath(timeline, history === undefined ? [] : parseTimelineHistory(history.toString('utf8')));
  }

  async #readSegmentBytes(): Promise<number | undefined> {
    const { store, signal } = this.#context;
    for (const timeline of await this.timelines()) {
      for await (const { key } of store.list(this.#folderOf(timeline)))
        return (await readWalHeader(store, key, signal)).header.segmentBytes;
    }
    return undefined;
  }

  async #listTimelines(): Promise<readonly number[]> {
    const prefix = walSystemPrefix(this.#target, this.systemIdentifier);
    const timelines = new Set<number>();
    // A timeline may have hundreds of thousands of segments: its folder is passed over once it is known.
    for (let startAfter = prefix; ; ) {
      let next: string | undefined;
      for await (const { key } of this.#context.store.list(prefix, { startAfter })) {
        const name = key.slice(prefix.length);
        const digits = /^([0-9A-F]{8})(?=\/|\.history$)/.exec(name)?.[1];
        if (digits === undefined) continue;
        timelines.add(Number.parseInt(digits, 16));
        if (!name.includes('/')) continue;
        next = `${prefix}${digits}/\u{10ffff}`;
        break;
      }
      if (next === undefined) return [...timelines].sort((a, b) => a - b);
      startAfter = next;
    }
  }

  async #listSegments(timeline: number, from: Lsn): Promise<readonly WalSegment[]> {
    const segmentBytes = await this.segmentBytes();
    if (segmentBytes === undefined) return [];
    const folder = this.#folderOf(timeline);
    const names: string[] = [];
    // Nothing sorts between the segment before and this one's objects but the pieces of that one.
    const before = from < segmentBytes ? '' : segmentName(timeline, from - BigInt(segmentBytes), segmentBytes);
    for await (const { key } of this.#context.store.list(
      folder,
      before === '' ? {} : { startAfter: `${folder}${before}~` },
    ))
      names.push(key.slice(folder.length));
    return segmentsOf(names, segmentBytes);
  }

  async *#readPieces(segment: string): AsyncGenerator<Uint8Array> {
    const segmentBytes = (await this.segmentBytes()) ?? 0;
    const folder = this.#folderOf(parseWalName(segment)?.timeline ?? 0);
    const names: string[] = [];
    for await (const { key } of this.#context.store.list(`${folder}${segment}`)) names.push(key.slice(folder.length));
    const [found] = segmentsOf(names, segmentBytes);
    // It has become whole since it was asked for as such.
    if (found?.isWhole) {
      yield* this.#readObject(segment);
      return;
    }
    if (found === undefined || found.pieces.length === 0)
      throw new HoldfastError('object-missing', `the store has no WAL '${segment}'`);
    let written = 0;
    for (const name of found.pieces) {
      let { from: at = 0 } = pieceOf(name);
      for await (const chunk of this.#readObject(name)) {
        // A longer piece may begin before the last one ended.
        const rest = chunk.subarray(written - at);
        at += chunk.length;
        written += rest.length;
        yield rest;
      }
    }
    for (let left = segmentBytes - written; left > 0; ) {
      const zeros = Buffer.alloc(Math.min(left, 1024 * 1024));
      left -= zeros.length;
      yield zeros;
    }
  }

  #readObject(name: string): AsyncGenerator<Buffer> {
    return readWalObject(this.#context, this.#keys, {
      target: this.#target,
      systemIdentifier: this.systemIdentifier,
      name,
    });
  }

  #folderOf(timeline: number): string {
    return `${walSystemPrefix(this.#target, this.systemIdentifier)}${timelineDigits(timeline)}/`;
  }
}

function pieceOf(name: string): { readonly from?: number } {
  const parsed = parseWalName(name);
  return parsed?.kind === 'piece' ? parsed : {};
}
