import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { HoldfastError } from '../../../core/errors.ts';
import type { Content, Omissions } from '../../../core/manifest.ts';
import type { CaptureResult, CaptureStream, EngineContext } from '../../engine.ts';
import { stopReason } from '../../stop-reason.ts';
import type { Connection } from '../connection.ts';
import { fromBaseBackup } from '../errors.ts';
import type { Turns } from '../pace/pacer.ts';
import { formatLsn } from '../replication/lsn.ts';
import type { Server } from '../server.ts';
import type { BackupEnd, BaseBackup, Tablespace } from './base-backup.ts';
import { ArchiveInspector, type ClusterContent, ClusterInspector } from './contents/archive-inspector.ts';
import { requireSameFiles } from './contents/compare-files.ts';
import { ManifestInspector } from './contents/manifest-inspector.ts';
import { damageAsOmissions, inClusterFolder } from './damaged-pages.ts';
import { nameRelations } from './name-relations.ts';
import type { ParentBackup } from './parent-backup.ts';
import type { RestorableSamples } from './restorable-samples.ts';

type Opened = Awaited<ReturnType<CaptureStream['open']>>;

type Source = {
  /** Of the server that is read from. */
  readonly connection: Connection;
  readonly server: Server;
  /** Does the cluster have page checksums? The server verifies them while it sends. */
  readonly checksums: boolean;
  /** How much WAL the server keeps for a backup at most. @default - as much as it takes */
  readonly walKeepBytes: number | undefined;
  /** What the backup builds on. @default - nothing */
  readonly parent: ParentBackup | undefined;
  readonly backup: BaseBackup;
  readonly samples: RestorableSamples;
  /** Why it is read from that server, where there was a choice. */
  readonly reason: string | undefined;
  /** When the server's other users are to have it to themselves for a while, nothing is read. */
  readonly turns: Turns;
  /** Ends the sessions. */
  end(): Promise<void>;
};

/**
 * The streams of a base backup, each proved as it passes. Only when the server has sent its manifest and said that the backup has come to its
 * end is the cluster's stream known to be whole: so the manifest, which comes after it, is put aside in a file before that stream ends.
 */
export class BaseStreams {
  readonly #context: EngineContext;
  readonly #source: Source;
  readonly #manifestFile: string;
  readonly #manifestReady = Promise.withResolvers<void>();
  /** Of each tablespace, the files that the manifest has to list. */
  readonly #listed: readonly PromiseWithResolvers<Content>[];

  constructor(context: EngineContext, source: Source) {
    this.#context = context;
    this.#source = source;
    this.#manifestFile = path.join(context.scratch, 'backup-manifest');
    this.#listed = source.backup.tablespaces.map(() => Promise.withResolvers<Content>());
    // Whoever waits is told; when nobody does, the run has failed already.
    for (const { promise } of [...this.#listed, this.#manifestReady]) promise.catch(() => {});
  }

  tablespace(part: number): Opened {
    const { backup, checksums } = this.#source;
    const { oid, location } = backup.tablespaces[part] as Tablespace;
    const inspector = new ArchiveInspector({ prefix: `pg_tblspc/${oid}/` });
    let content: Content | undefined;
    const bytes = async function* (this: BaseStreams): AsyncGenerator<Uint8Array, void> {
      yield* this.#pass(part, inspector);
      content = inspector.end();
      this.#listed[part]?.resolve(inspector.listed());
    };
    return {
      bytes: this.#guarded(bytes.call(this), this.#listed[part]),
      result: () => ({ content, facts: { oid, location, checksums, startLsn: formatLsn(backup.start.lsn) } }),
    };
  }

  cluster(): Opened {
    const { backup, samples } = this.#source;
    const part = backup.tablespaces.length;
    const inspector = new ClusterInspector();
    let result: CaptureResult | undefined;
    const bytes = async function* (this: BaseStreams): AsyncGenerator<Uint8Array, void> {
      yield* this.#pass(part, inspector);
      const manifest = await this.#spool(part + 1);
      const end = await backup.ended;
      samples.end();
      const cluster = inspector.end(end.lsn);
      const tablespaces = await Promise.all(this.#listed.map(({ promise }) => promise));
      requireSameFiles(manifest, [inspector.listed(), ...tablespaces]);
      const whole = this.#result(cluster, end);
      await this.#source.end();
      result = { ...whole, ...(end.damage && { omissions: await this.#lacking(end.damage) }) };
      this.#manifestReady.resolve();
    };
    return {
      bytes: this.#guarded(bytes.call(this), this.#manifestReady),
      result: () => result ?? { content: undefined, facts: {} },
    };
  }

  manifest(): Opened {
    const inspector = new ManifestInspector();
    let content: Content | undefined;
    const bytes = async function* (this: BaseStreams): AsyncGenerator<Uint8Array, void> {
      await this.#manifestReady.promise;
      for await (const chunk of createReadStream(this.#manifestFile) as AsyncIterable<Buffer>) {
        inspector.write(chunk);
        yield chunk;
      }
      content = inspector.end();
    };
    return { bytes: bytes.call(this), result: () => ({ content, facts: {} }) };
  }

  async *#pass(part: number, inspector: { write(bytes: Uint8Array): void }): AsyncGenerator<Uint8Array, void> {
    const { backup, turns } = this.#source;
    turns.begin();
    for await (const bytes of backup.read(part)) {
      // Whoever takes them may give their memory back.
      const { length } = bytes;
      inspector.write(bytes);
      yield bytes;
      await turns.next(length);
    }
  }

  /** What failed, in our terms, to whoever reads and to whoever waits for this stream. */
  async *#guarded(
    bytes: AsyncIterable<Uint8Array>,
    waiting: PromiseWithResolvers<never> | PromiseWithResolvers<Content> | PromiseWithResolvers<void> | undefined,
  ): AsyncGenerator<Uint8Array, void> {
    try {
      yield* bytes;
    } catch (error) {
      const { signal } = this.#context;
      const failure = signal.aborted ? stopReason(signal, 'the base backup') : await this.#explained(error);
      waiting?.reject(failure);
      throw failure;
    }
  }

  /** A server that may keep no more WAL for the backup ends its session, and does not say why. */
  async #explained(error: unknown): Promise<HoldfastError> {
    const failure = fromBaseBackup(error, 'the base backup');
    const { walKeepBytes, backup, samples } = this.#source;
    if (failure.code !== 'source-interrupted' || walKeepBytes === undefined) return failure;
    const written = ((await samples.position()) ?? 0n) - backup.start.lsn;
    if (written <= BigInt(walKeepBytes)) return failure;
    return new HoldfastError(
      'dump-failed',
      `the server ended the backup: it wrote ${written} bytes of WAL meanwhile, and keeps ${walKeepBytes} for it`,
      { cause: error, hint: "raise max_slot_wal_keep_size above what the server writes in a backup's time" },
    );
  }

  /** Writes the manifest to a file of this run's own, and returns what it lists. */
  async #spool(part: number): Promise<Content> {
    const inspector = new ManifestInspector();
    await using file = await open(this.#manifestFile, 'wx', 0o600);
    for await (const bytes of this.#source.backup.read(part)) {
      inspector.write(bytes);
      await file.write(bytes);
    }
    return inspector.end();
  }

  /** Asked when the backup's own sessions have ended, so that it takes no more of them than the backup did. */
  async #lacking(said: NonNullable<BackupEnd['damage']>): Promise<Omissions> {
    const damage = inClusterFolder(said, this.#source.backup.tablespaces);
    const files = damage.pages.map(({ file }) => file);
    return damageAsOmissions(damage, await nameRelations(this.#source.connection, files, this.#context));
  }

  #result({ content, label, control }: ClusterContent, end: BackupEnd): CaptureResult {
    const { server, checksums, parent, backup, samples, reason, turns } = this.#source;
    const { start, tablespaces, identity, segmentBytes, clusterBytes } = backup;
    if (control.systemIdentifier !== identity.systemIdentifier || label.startLsn !== start.lsn)
      throw new HoldfastError('dump-incomplete', 'the archive is not of the backup that the server said it began');
    // A server that was promoted ends the backup itself; one that follows another only moves on, and its label tells of the old timeline alone.
    if (end.timeline !== start.timeline)
      throw new HoldfastError(
        'source-interrupted',
        `the server went from timeline ${start.timeline} to ${end.timeline} during the backup: what it follows was promoted`,
        { hint: 'run it again: the next one begins on the new timeline' },
      );
    const parentStartLsn = label.parentStartLsn && formatLsn(label.parentStartLsn);
    if (parentStartLsn !== parent?.facts['startLsn'])
      throw new HoldfastError('dump-incomplete', 'the archive does not build on the backup that the server was given');
    const sampledAt = samples.timeAt(end.lsn)?.getTime() ?? 0;
    return {
      content,
      facts: {
        major: server.major,
        serverVersion: server.version,
        systemIdentifier: identity.systemIdentifier,
        timeline: start.timeline,
        startLsn: formatLsn(start.lsn),
        endLsn: formatLsn(end.lsn),
        segmentBytes,
        fromStandby: label.fromStandby,
        checksums,
        tablespaces: tablespaces.map(({ oid, location }) => ({ oid, location })),
        sizeBytes: tablespaces.reduce((total, { sizeBytes }) => total + sizeBytes, clusterBytes),
        restedSeconds: Math.round(turns.restedSeconds()),
        snapshotAt: new Date(Math.max(sampledAt, control.checkpointAt.getTime())).toISOString(),
        ...(parentStartLsn !== undefined && { parentStartLsn }),
      },
      ...(reason !== undefined && { remarks: [reason] }),
    };
  }
}
