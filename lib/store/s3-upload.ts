import { crc32 } from 'node:zlib';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { HoldfastError } from '../core/errors.ts';
import { defaultPartPlan, partLimits } from '../core/part-plan.ts';
import { pause, throwIfCancelled } from './cancellation.ts';
import { PartLedger } from './part-ledger.ts';
import { abortable, infoOfHead, newWriteId, type S3Connection, writeIdKey } from './s3-connection.ts';
import { isAlteredOnItsWay, isTooManyParts } from './s3-errors.ts';
import type { ObjectInfo, Upload, UploadOptions } from './store.ts';

/** How often a part whose bytes were altered on their way, or a completion of unknown outcome, is sent. */
const maxSends = 5;

/**
 * A multipart upload. `putEmpty` is for an upload that turns out to have no parts, which S3 cannot complete.
 *
 * A crash at any time leaves an unfinished upload: invisible, and removed by the bucket's lifecycle rule for those.
 */
export async function beginS3Upload(
  connection: S3Connection,
  key: string,
  options: UploadOptions,
  putEmpty: () => Promise<ObjectInfo>,
): Promise<Upload> {
  const { signal, parts: plan = defaultPartPlan } = options;
  if (plan.firstBytes < partLimits.minPartBytes)
    throw new HoldfastError('config-invalid', `parts of ${plan.firstBytes} bytes are below the 5 MiB that S3 asks for`);
  const writeId = newWriteId();
  const what = `write '${key}'`;
  throwIfCancelled(signal);
  try {
    const created = await connection.client.send(
      new CreateMultipartUploadCommand({
        ...connection.place(key),
        ChecksumAlgorithm: 'CRC32',
        Metadata: { [writeIdKey]: writeId },
        ContentType: options.contentType ?? 'application/octet-stream',
        ...(options.tags === undefined ? {} : { Tagging: String(new URLSearchParams(options.tags)) }),
      }),
      abortable(signal),
    );
    if (created.UploadId === undefined)
      throw new HoldfastError('store-unavailable', `cannot ${what}: no upload id came`);
    return new S3Upload(connection, key, created.UploadId, writeId, { ...options, parts: plan }, putEmpty);
  } catch (error) {
    throw connection.error(error, what, signal);
  }
}

class S3Upload implements Upload {
  readonly key: string;
  readonly #connection: S3Connection;
  readonly #uploadId: string;
  readonly #writeId: string;
  readonly #options: UploadOptions;
  readonly #putEmpty: () => Promise<ObjectInfo>;
  readonly #ledger: PartLedger;
  readonly #parts: CompletedPart[] = [];
  readonly #sending = new Set<Promise<unknown>>();
  readonly #ended = new AbortController();
  readonly #signal: AbortSignal;

  constructor(
    connection: S3Connection,
    key: string,
    uploadId: string,
    writeId: string,
    options: UploadOptions,
    putEmpty: () => Promise<ObjectInfo>,
  ) {
    this.key = key;
    this.#connection = connection;
    this.#uploadId = uploadId;
    this.#writeId = writeId;
    this.#options = options;
    this.#putEmpty = putEmpty;
    this.#ledger = new PartLedger(key, options.parts ?? defaultPartPlan);
    this.#signal = AbortSignal.any([this.#ended.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  }

  async writePart(partNumber: number, body: Uint8Array): Promise<void> {
    throwIfCancelled(this.#signal);
    this.#ledger.begin(partNumber, body.length);
    const sending = this.#send(partNumber, body);
    this.#sending.add(sending);
    try {
      this.#parts.push(await sending);
    } finally {
      this.#sending.delete(sending);
    }
  }

  async #send(partNumber: number, body: Uint8Array): Promise<CompletedPart> {
    const checksum = crc32Of(body);
    const command = new UploadPartCommand({
      ...this.#connection.place(this.key),
      UploadId: this.#uploadId,
      PartNumber: partNumber,
      Body: body,
      ContentLength: body.length,
      ChecksumCRC32: checksum,
    });
    for (let send = 1; ; send += 1) {
      try {
        const { ETag } = await this.#connection.client.send(command, abortable(this.#signal));
        return { PartNumber: partNumber, ETag, ChecksumCRC32: checksum };
      } catch (error) {
        if (isAlteredOnItsWay(error) && send < maxSends && !this.#signal.aborted) continue;
        if (isTooManyParts(error, partNumber)) {
          throw new HoldfastError('config-invalid', `cannot write part ${partNumber} of '${this.key}'`, {
            hint: 'this store allows fewer parts to an object: lower run.objectBytes, a longer stream goes on in the next object',
            cause: error,
          });
        }
        throw this.#connection.error(error, `write part ${partNumber} of '${this.key}'`, this.#signal);
      }
    }
  }

  /**
   * Invariant: the object is made of exactly the parts that were written, and is ours when the promise resolves.
   *
   * A reply to a completion can be lost, or be `200 OK` around an error, and a second completion then finds no upload
   * (MinIO) or an object in its way (its own). So the object is looked at after every failure: whose write it is, its
   * metadata says. A crash before the completion leaves an unfinished upload, after it the whole object.
   */
  async complete(): Promise<ObjectInfo> {
    const total = this.#ledger.total();
    const what = `complete '${this.key}'`;
    throwIfCancelled(this.#signal);
    if (total === 0) {
      await this.abort();
      return await this.#putEmpty();
    }
    const command = new CompleteMultipartUploadCommand({
      ...this.#connection.place(this.key),
      UploadId: this.#uploadId,
      MultipartUpload: { Parts: this.#parts.toSorted((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0)) },
      ...(this.#options.condition === 'absent' ? { IfNoneMatch: '*' } : {}),
    });
    for (let send = 1; ; send += 1) {
      let failure: HoldfastError | undefined;
      try {
        await this.#connection.client.send(command, abortable(this.#signal));
      } catch (error) {
        failure = this.#connection.error(error, what, this.#signal);
        if (this.#signal.aborted) throw failure;
      }
      const head = await this.#connection.head(this.key, this.#signal);
      if (head?.Metadata?.[writeIdKey] === this.#writeId) {
        if (head.ContentLength === total) return infoOfHead(this.key, head);
        throw new HoldfastError('corrupt', `'${this.key}' has ${head.ContentLength} bytes, ${total} were written`);
      }
      failure ??= new HoldfastError('store-unavailable', `cannot ${what}: the server said yes, but it is not there`);
      if (!failure.retryable || send === maxSends) throw failure;
      await pause(200 * 2 ** send, this.#signal);
    }
  }

  /** A part that arrives after the abort would stay for ever, so those on their way are awaited first. */
  async abort(): Promise<void> {
    this.#ended.abort(new HoldfastError('stopped', `the upload of '${this.key}' was aborted`));
    await Promise.allSettled(this.#sending);
    try {
      await this.#connection.client.send(
        new AbortMultipartUploadCommand({ ...this.#connection.place(this.key), UploadId: this.#uploadId }),
      );
    } catch (error) {
      if (error instanceof Error && error.name === 'NoSuchUpload') return;
      throw this.#connection.error(error, `abort the upload of '${this.key}'`);
    }
  }
}

/** The form in which S3 wants a CRC-32: base64 of its four bytes, the highest first. */
export function crc32Of(body: Uint8Array): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(body));
  return bytes.toString('base64');
}
