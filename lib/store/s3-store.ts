import { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  GetObjectTaggingCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
} from '@aws-sdk/client-s3';
import { HoldfastError } from '../core/errors.ts';
import { pause, throwIfCancelled } from './cancellation.ts';
import { resumingBody } from './s3-body.ts';
import {
  abortable,
  infoOfHead,
  newWriteId,
  S3Connection,
  type S3Settings,
  type S3Tuning,
  writeIdKey,
} from './s3-connection.ts';
import { abandonUploads, erasePage } from './s3-erase.ts';
import { isAlteredOnItsWay, isBeyondEnd, isConflict } from './s3-errors.ts';
import { protectionOf, setLegalHold } from './s3-locks.ts';
import { beginS3Upload, crc32Of } from './s3-upload.ts';
import type {
  Erased,
  EraseOptions,
  GetOptions,
  ObjectBody,
  ObjectInfo,
  ObjectVersion,
  Protection,
  PutOptions,
  Store,
  Upload,
  UploadOptions,
} from './store.ts';
import { assertKey, canBeginKeys, whyNotKey } from './store-key.ts';

/** How often a put is sent that was altered on its way, or met a concurrent one that kept its condition from being judged. */
const maxSends = 5;

const nothingErased: Erased = { objects: 0, freedBytes: 0, retained: [] };

/** A store in an S3 bucket, or in one of a server that speaks S3 and honours conditional writes. Makes no request yet. */
export function openS3Store(settings: S3Settings, tuning: S3Tuning = {}): Store {
  return new S3Store(new S3Connection(settings, tuning));
}

class S3Store implements Store {
  readonly kind = 's3';
  readonly url: string;
  readonly #connection: S3Connection;

  constructor(connection: S3Connection) {
    this.url = connection.url;
    this.#connection = connection;
  }

  /**
   * Invariant: with a condition, the promise resolves only if the object that is there is this write's.
   *
   * The SDK repeats a put whose reply was lost, and the repetition then meets the first one's object. The write's own id in the
   * object's metadata tells that from somebody else's. A crash leaves the object whole or not at all.
   */
  async put(key: string, body: Uint8Array, options: PutOptions = {}): Promise<ObjectInfo> {
    assertKey(key);
    const { condition, signal } = options;
    const what = `write '${key}'`;
    const writeId = newWriteId();
    const command = new PutObjectCommand({
      ...this.#connection.place(key),
      Body: body,
      ContentLength: body.length,
      ContentType: options.contentType ?? 'application/octet-stream',
      ChecksumCRC32: crc32Of(body),
      Metadata: { [writeIdKey]: writeId },
      ...(options.tags === undefined ? {} : { Tagging: String(new URLSearchParams(options.tags)) }),
      ...(condition === 'absent' ? { IfNoneMatch: '*' } : {}),
      ...(typeof condition === 'object' ? { IfMatch: condition.etag } : {}),
    });
    throwIfCancelled(signal);
    for (let send = 1; ; send += 1) {
      try {
        const { ETag } = await this.#connection.client.send(command, abortable(signal));
        return { key, sizeBytes: body.length, etag: ETag ?? '', modifiedAt: new Date() };
      } catch (error) {
        const failure = this.#connection.error(error, what, signal);
        // S3 says 404 when the object that was to be replaced is gone.
        const isConditionFailed =
          failure.code === 'already-exists' || (typeof condition === 'object' && failure.code === 'object-missing');
        if (condition !== undefined && isConditionFailed) {
          const head = await this.#connection.head(key, signal);
          if (head?.Metadata?.[writeIdKey] === writeId) return infoOfHead(key, head);
        }
        const isWorthAnother = isAlteredOnItsWay(error) || isConflict(error);
        if (isWorthAnother && send < maxSends && !signal?.aborted) {
          await pause(50 * 2 ** send, signal);
          continue;
        }
        if (!isConditionFailed) throw failure;
        throw new HoldfastError('already-exists', `'${key}' exists already, or is no longer the object that was read`, {
          cause: error,
        });
      }
    }
  }

  async beginUpload(key: string, options: UploadOptions = {}): Promise<Upload> {
    assertKey(key);
    return await beginS3Upload(this.#connection, key, options, () => this.put(key, new Uint8Array(), options));
  }

  async get(key: string, options: GetOptions = {}): Promise<ObjectBody> {
    assertKey(key);
    const { signal } = options;
    const start = options.range?.start ?? 0;
    const end = options.range?.end ?? Number.POSITIVE_INFINITY;
    throwIfCancelled(signal);
    if (end <= start) return await this.#emptyBody(key, signal);
    let first: GetObjectCommandOutput;
    try {
      first = await this.#open(key, start, end, undefined, signal);
    } catch (error) {
      if (isBeyondEnd(error)) return await this.#emptyBody(key, signal);
      throw this.#connection.error(error, `read '${key}'`, signal);
    }
    const sizeBytes = wholeSizeOf(first);
    const etag = first.ETag ?? '';
    const body = resumingBody({
      first: readable(first),
      reopen: async (position) => readable(await this.#open(key, position, end, etag, signal)),
      start,
      end: Math.min(end, sizeBytes),
      stallSeconds: this.#connection.stallSeconds,
      toError: (error) => {
        const failure = this.#connection.error(error, `read '${key}'`, signal);
        if (failure.code !== 'already-exists') return failure;
        return new HoldfastError('corrupt', `'${key}' in '${this.url}' was replaced while it was read`, {
          cause: error,
        });
      },
      signal,
    });
    return { key, sizeBytes, etag, modifiedAt: first.LastModified ?? new Date(0), body };
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    assertKey(key);
    const head = await this.#connection.head(key);
    return head === undefined ? undefined : infoOfHead(key, head);
  }

  async *list(prefix: string, options: { readonly startAfter?: string } = {}): AsyncIterable<ObjectInfo> {
    // Some servers refuse such a prefix, where S3 finds nothing.
    if (!canBeginKeys(prefix)) return;
    const { startAfter } = options;
    let token: string | undefined;
    do {
      const page = await this.#connection.attempt(`list '${prefix}'`, () =>
        this.#connection.client.send(
          new ListObjectsV2Command({
            Bucket: this.#connection.bucket,
            Prefix: this.#connection.pathOf(prefix),
            ...(startAfter === undefined ? {} : { StartAfter: this.#connection.pathOf(startAfter) }),
            ...(token === undefined ? {} : { ContinuationToken: token }),
          }),
        ),
      );
      for (const { Key = '', Size = 0, ETag = '', LastModified = new Date(0) } of page.Contents ?? []) {
        const key = this.#connection.keyOf(Key);
        // Consoles make objects such as `folder/`; no key of ours looks like that.
        if (whyNotKey(key) === undefined) yield { key, sizeBytes: Size, etag: ETag, modifiedAt: LastModified };
      }
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  /** Not even tried: a writer's role is denied it, and a denied call is noise in every audit. */
  async discard(key: string): Promise<void> {
    assertKey(key);
  }

  async delete(key: string): Promise<void> {
    assertKey(key);
    await this.#connection
      .attempt(`delete '${key}'`, async () => {
        await this.#connection.client.send(new DeleteObjectCommand(this.#connection.place(key)));
      })
      .catch((error: unknown) => {
        if (!(error instanceof HoldfastError) || error.code !== 'object-missing') throw error;
      });
  }

  async erase(prefix: string, options: EraseOptions = {}): Promise<Erased> {
    return canBeginKeys(prefix) ? await erasePage(this.#connection, prefix, options) : nothingErased;
  }

  async protection(key: string): Promise<Protection> {
    assertKey(key);
    return await protectionOf(this.#connection, key);
  }

  async setLegalHold(key: string, isHeld: boolean): Promise<boolean> {
    assertKey(key);
    return await setLegalHold(this.#connection, key, isHeld);
  }

  abandonUploads(before: Date): Promise<number> {
    return abandonUploads(this.#connection, before);
  }

  async versions(key: string): Promise<readonly ObjectVersion[]> {
    assertKey(key);
    const path = this.#connection.pathOf(key);
    const found: ObjectVersion[] = [];
    let marker: { readonly KeyMarker?: string; readonly VersionIdMarker?: string } | undefined = {};
    while (marker !== undefined) {
      const page = await this.#connection.attempt(`list the versions of '${key}'`, () =>
        this.#connection.client.send(
          new ListObjectVersionsCommand({ Bucket: this.#connection.bucket, Prefix: path, ...marker }),
        ),
      );
      for (const [entries, isDeleted] of [
        [page.DeleteMarkers ?? [], true],
        [page.Versions ?? [], false],
      ] as const) {
        for (const entry of entries) {
          if (entry.Key !== path) continue;
          found.push({
            key,
            sizeBytes: 'Size' in entry ? (entry.Size ?? 0) : 0,
            etag: 'ETag' in entry ? (entry.ETag ?? '') : '',
            modifiedAt: entry.LastModified ?? new Date(0),
            versionId: entry.VersionId ?? 'null',
            isLatest: entry.IsLatest ?? false,
            isDeleted,
          });
        }
      }
      const isMoreOfThisKey = page.IsTruncated && page.NextKeyMarker === path && page.NextVersionIdMarker !== undefined;
      marker = isMoreOfThisKey ? { KeyMarker: path, VersionIdMarker: page.NextVersionIdMarker as string } : undefined;
    }
    // Each kind comes newest first; sorting keeps that order where two are of the same second.
    return found.sort(
      (a, b) => Number(b.isLatest) - Number(a.isLatest) || b.modifiedAt.getTime() - a.modifiedAt.getTime(),
    );
  }

  async tags(key: string): Promise<Readonly<Record<string, string>>> {
    assertKey(key);
    const { TagSet = [] } = await this.#connection.attempt(`read the tags of '${key}'`, () =>
      this.#connection.client.send(new GetObjectTaggingCommand(this.#connection.place(key))),
    );
    return Object.fromEntries(TagSet.map(({ Key = '', Value = '' }) => [Key, Value]));
  }

  async setTags(key: string, tags: Readonly<Record<string, string>>): Promise<void> {
    assertKey(key);
    const TagSet = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    await this.#connection.attempt(`tag '${key}'`, () =>
      this.#connection.client.send(
        new PutObjectTaggingCommand({ ...this.#connection.place(key), Tagging: { TagSet } }),
      ),
    );
  }

  async close(): Promise<void> {
    this.#connection.client.destroy();
  }

  /** Asks for a part of the object; with `etag`, only if it still is the same one. */
  async #open(
    key: string,
    start: number,
    end: number,
    etag: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<GetObjectCommandOutput> {
    const isWhole = start === 0 && end === Number.POSITIVE_INFINITY;
    const last = end === Number.POSITIVE_INFINITY ? '' : String(end - 1);
    const answer = await this.#connection.client.send(
      new GetObjectCommand({
        ...this.#connection.place(key),
        ...(isWhole ? {} : { Range: `bytes=${start}-${last}` }),
        ...(etag === undefined ? {} : { IfMatch: etag }),
      }),
      abortable(signal),
    );
    if (!isWhole && answer.ContentRange?.startsWith(`bytes ${start}-`) !== true) {
      readable(answer).destroy();
      throw new HoldfastError(
        'store-unavailable',
        `cannot read '${key}' in '${this.url}': the server ignored the range`,
      );
    }
    return answer;
  }

  async #emptyBody(key: string, signal: AbortSignal | undefined): Promise<ObjectBody> {
    const head = await this.#connection.head(key, signal);
    if (head === undefined) throw new HoldfastError('object-missing', `there is no object '${key}' in '${this.url}'`);
    return { ...infoOfHead(key, head), body: Readable.from([]) };
  }
}

function readable(answer: GetObjectCommandOutput): Readable {
  if (answer.Body instanceof Readable) return answer.Body;
  throw new HoldfastError('internal', 'the S3 client gave a body that is no stream');
}

/** The size of the whole object, whichever part of it was asked for. */
function wholeSizeOf(answer: GetObjectCommandOutput): number {
  const total = /\/(\d+)$/.exec(answer.ContentRange ?? '')?.[1];
  return total === undefined ? (answer.ContentLength ?? 0) : Number(total);
}
