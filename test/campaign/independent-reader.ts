import { spawn } from 'node:child_process';
import { createDecipheriv, createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import {
  buildClient,
  CommitmentPolicy,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
} from '@aws-crypto/client-node';
import type { Manifest, StreamRecord } from '../../lib/core/manifest.ts';
import { hashOfSql } from './sources.ts';
import type { Contents } from './store-contents.ts';

/** What a backup gives back, read by other code than Holdfast's: see docs/formats.md. */
export type ReadBackup = {
  readonly manifest: Manifest;
  readonly dataKey: Buffer;
  /** By database, the SHA-256 of what `pg_restore` makes of its archive. */
  readonly databases: Readonly<Record<string, string>>;
  readonly globals: string | undefined;
};

const { decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);

/** Reads the backup whose manifest has this key; of a partial one, what it holds. Throws when anything is not as its manifest says. */
export async function readIndependently(
  contents: Contents,
  manifestKey: string,
  { keyFile, binDir }: { readonly keyFile: Buffer; readonly binDir: string },
): Promise<ReadBackup> {
  const manifest = JSON.parse(String(required(contents, manifestKey))) as Manifest;
  const dataKey = unwrap(manifest, keyFile);
  checkSeal(manifest, dataKey);
  const databases: Record<string, string> = {};
  let globals: string | undefined;
  for (const stream of manifest.streams) {
    if (stream.status === 'failed' && manifest.status === 'partial') continue;
    if (stream.status !== 'complete') throw new Error(`stream '${stream.stream}' is '${stream.status}'`);
    const plain = await plainOf(contents, manifest, stream, dataKey);
    if (stream.kind === 'globals') globals = hashOfSql(String(plain));
    else databases[stream.name] = hashOfSql(await restoredText(plain, binDir));
  }
  return { manifest, dataKey, databases, globals };
}

function unwrap({ target, backupId, encryption }: Manifest, keyFile: Buffer): Buffer {
  const bytes = Buffer.from(encryption.wrappedKey?.ciphertext ?? '', 'base64');
  const decipher = createDecipheriv('aes-256-gcm', keyFile, bytes.subarray(0, 12), { authTagLength: 16 });
  decipher.setAAD(Buffer.from(`{"backupId":"${backupId}","target":"${target}"}`)).setAuthTag(bytes.subarray(-16));
  return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
}

function checkSeal(manifest: Manifest, dataKey: Buffer): void {
  const { seal, encryption, ...rest } = manifest;
  const sealed = sorted({ ...rest, encryption: { algorithm: encryption.algorithm } });
  const key = derived(dataKey, 'holdfast manifest seal');
  const expected = createHmac('sha256', key).update(JSON.stringify(sealed)).digest();
  if (!timingSafeEqual(expected, Buffer.from(seal, 'hex'))) throw new Error('the seal is broken');
}

/** As `jq -cS` would have it: the keys of every object in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inside]) => [key, sorted(inside)]));
}

async function plainOf(contents: Contents, manifest: Manifest, stream: StreamRecord, dataKey: Buffer): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (const [index, object] of stream.objects.entries()) {
    const stored = required(contents, object.key);
    if (sha256(stored) !== object.storedSha256) throw new Error(`'${object.key}' has other bytes than its hash says`);
    const context = {
      target: manifest.target,
      backupId: manifest.backupId,
      stream: stream.stream,
      object: String(index),
    };
    const compressed =
      manifest.encryption.algorithm === 'aes-256-gcm'
        ? await openMessage(stored, dataKey, context)
        : openCbc(stored, dataKey, context);
    const plain = decompress(compressed, stream.compression);
    if (plain.length !== object.plainBytes) throw new Error(`'${object.key}' opens to another number of bytes`);
    if (object.plainSha256 !== undefined && sha256(plain) !== object.plainSha256)
      throw new Error(`'${object.key}' opens to other bytes than its hash says`);
    parts.push(plain);
  }
  const plain = Buffer.concat(parts);
  if (stream.plainSha256 !== undefined && sha256(plain) !== stream.plainSha256)
    throw new Error(`stream '${stream.stream}' has another hash`);
  if (plain.length === 0) throw new Error(`stream '${stream.stream}' is empty`);
  return plain;
}

type ObjectContext = Readonly<Record<'target' | 'backupId' | 'stream' | 'object', string>>;

async function openMessage(stored: Buffer, dataKey: Buffer, context: ObjectContext): Promise<Buffer> {
  const keyring = new RawAesKeyringNode({
    keyNamespace: 'holdfast',
    keyName: context.backupId,
    wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
    // The library keeps the key as it is given, and must have it to itself.
    unencryptedMasterKey: Uint8Array.from(dataKey),
  });
  const { plaintext, messageHeader } = await decrypt(keyring, stored);
  for (const [name, value] of Object.entries(context))
    if (messageHeader.encryptionContext[name] !== value) throw new Error(`${name} of the object is another`);
  return plaintext;
}

function openCbc(stored: Buffer, dataKey: Buffer, context: ObjectContext): Buffer {
  const authenticated = stored.subarray(0, -32);
  const mac = createHmac('sha256', derived(dataKey, 'holdfast aes-256-cbc authentication'))
    .update(authenticated)
    .digest();
  if (!timingSafeEqual(mac, stored.subarray(-32))) throw new Error('the HMAC is another');
  const place = [context.target, context.backupId, context.stream, context.object].join('\n');
  if (sha256(Buffer.from(place)) !== stored.subarray(32, 64).toString('hex')) throw new Error('the place is another');
  const key = derived(dataKey, 'holdfast aes-256-cbc encryption');
  const decipher = createDecipheriv('aes-256-cbc', key, stored.subarray(16, 32));
  return Buffer.concat([decipher.update(authenticated.subarray(64)), decipher.final()]);
}

const derived = (dataKey: Buffer, info: string): Buffer => Buffer.from(hkdfSync('sha256', dataKey, '', info, 32));

/** Node's one-shot reads a single zstd frame, so each is opened by itself, as the table at the object's end lists them. */
function decompress(bytes: Buffer, compression: StreamRecord['compression']): Buffer {
  if (compression === 'none') return bytes;
  if (compression === 'gzip') return gunzipSync(bytes);
  const frames = bytes.readUInt32LE(bytes.length - 9);
  const table = bytes.length - 9 - frames * 8;
  const plain: Buffer[] = [];
  let start = 0;
  for (let index = 0; index < frames; index += 1) {
    const end = start + bytes.readUInt32LE(table + index * 8);
    plain.push(zstdDecompressSync(bytes.subarray(start, end)));
    start = end;
  }
  return Buffer.concat(plain);
}

async function restoredText(archive: Buffer, binDir: string): Promise<string> {
  const child = spawn(path.join(binDir, 'pg_restore'), ['--file=-'], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => {});
  child.stdin.end(archive);
  const [stdout, stderr, [code]] = await Promise.all([
    buffer(child.stdout),
    buffer(child.stderr),
    once(child, 'close'),
  ]);
  if (code !== 0) throw new Error(`pg_restore ended with ${code}: ${stderr}`);
  return String(stdout);
}

function required(contents: Contents, key: string): Buffer {
  const bytes = contents.get(key);
  if (bytes === undefined) throw new Error(`'${key}' is not in the store`);
  return bytes;
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
