import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { zstdDecompressSync } from 'node:zlib';
import {
  buildClient,
  CommitmentPolicy,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
} from '@aws-crypto/client-node';
import type { Compression } from '../../lib/core/vocabulary.ts';
import { encodeSeekTable } from '../../lib/pipeline/seek-table.ts';
import { inChunks, someBytes, withStore, write } from './pipeline-store.ts';

const run = promisify(execFile);

/** Runs a shell script as a reader of docs/formats.md would, with the object as `object` in its folder. */
async function inShell(object: Buffer, script: string): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-stock-'));
  try {
    await writeFile(join(folder, 'object'), object);
    const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: folder,
      encoding: 'buffer',
      maxBuffer: 64 * 1024 ** 2,
    });
    return stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function objectOf(bytes: Buffer, compression: Compression, algorithm: 'aes-256-gcm' | 'aes-256-cbc' | 'none') {
  return await withStore(async (store, folder) => {
    const { objects } = await write(store, inChunks(bytes), { compression, algorithm, objectBytes: 1024 * 4096 });
    return await readFile(join(folder, objects[0]?.key ?? ''));
  });
}

/** What `zstd -dc` makes of the object; on a machine without it, Node's own zstd frame by frame as the object's table lists them. */
async function unzstd(object: Buffer): Promise<Buffer> {
  const hasProgram = await run('zstd', ['--version']).then(
    () => true,
    () => false,
  );
  if (hasProgram) return await inShell(object, 'zstd -qt object && zstd -dc object');
  const plain: Buffer[] = [];
  let start = 0;
  for (const size of frameSizesOf(object)) {
    plain.push(zstdDecompressSync(object.subarray(start, start + size)));
    start += size;
  }
  return Buffer.concat(plain);
}

/** The compressed sizes in the table at an object's end. */
function frameSizesOf(object: Buffer): readonly number[] {
  const frames = object.readUInt32LE(object.length - 9);
  const table = object.length - 9 - frames * 8;
  return Array.from({ length: frames }, (_, index) => object.readUInt32LE(table + index * 8));
}

test('an AES-CBC object is checked and opened by openssl alone', async () => {
  const bytes = someBytes(50_000);
  const object = await objectOf(bytes, 'gzip', 'aes-256-cbc');

  const opened = await inShell(
    object,
    `
    data_key=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
    derive() { openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt hexkey:$data_key -kdfopt "info:$1" -binary HKDF | od -An -v -tx1 | tr -d ' \\n'; }
    size=$(wc -c < object)
    head -c $((size - 32)) object > authenticated
    tail -c 32 object | od -An -v -tx1 | tr -d ' \\n' > expected
    openssl dgst -sha256 -mac HMAC -macopt "hexkey:$(derive 'holdfast aes-256-cbc authentication')" -binary authenticated | od -An -v -tx1 | tr -d ' \\n' > actual
    cmp expected actual
    iv=$(head -c 32 object | tail -c 16 | od -An -v -tx1 | tr -d ' \\n')
    tail -c +65 authenticated | openssl enc -d -aes-256-cbc -K "$(derive 'holdfast aes-256-cbc encryption')" -iv "$iv" | gzip -dc
    `,
  );

  assert.ok(opened.equals(bytes));
});

test('the context of an AES-CBC object is the documented digest', async () => {
  const object = await objectOf(someBytes(10), 'none', 'aes-256-cbc');

  const digest = await inShell(
    object,
    `printf 'orders\\n20261121T020000Z-9f3c2a1b\\nmain\\n0' | sha256sum | cut -c1-64`,
  );

  assert.equal(object.subarray(0, 9).toString('latin1'), 'HFAESCBC\x01');
  assert.equal(object.subarray(32, 64).toString('hex'), digest.toString().trim());
  assert.equal(object.length, 64 + 16 + 32);
});

test('an AES-GCM object is opened by a fresh AWS Encryption SDK client with the documented keyring', async () => {
  const bytes = someBytes(50_000);
  const object = await objectOf(bytes, 'zstd', 'aes-256-gcm');
  const { decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
  const keyring = new RawAesKeyringNode({
    keyNamespace: 'holdfast',
    keyName: '20261121T020000Z-9f3c2a1b',
    unencryptedMasterKey: Uint8Array.from({ length: 32 }, (_, index) => index),
    wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
  });

  const { plaintext, messageHeader } = await decrypt(keyring, object);
  const opened = await unzstd(plaintext);

  assert.ok(opened.equals(bytes));
  assert.deepEqual(
    { ...messageHeader.encryptionContext },
    { target: 'orders', backupId: '20261121T020000Z-9f3c2a1b', stream: 'main', object: '0' },
  );
  assert.equal(messageHeader.frameLength, 1_048_576);
  assert.equal(messageHeader.suiteId, 0x0478);
});

test('zstd objects are read by the zstd program, the empty one too', async () => {
  for (const length of [0, 1, 100_000]) {
    const bytes = someBytes(length);

    const opened = await unzstd(await objectOf(bytes, 'zstd', 'none'));

    assert.ok(opened.equals(bytes), `${length} bytes`);
  }
});

test('gzip objects are read by the gzip program, the empty one too', async () => {
  for (const length of [0, 1, 100_000]) {
    const bytes = someBytes(length);

    const opened = await inShell(await objectOf(bytes, 'gzip', 'none'), 'gzip -t < object && gzip -dc < object');

    assert.ok(opened.equals(bytes), `${length} bytes`);
  }
});

test('the table at the end of a zstd object finds a frame by its plain offset', async () => {
  const bytes = someBytes(20_000);
  const object = await objectOf(bytes, 'zstd', 'none');

  const compressed = frameSizesOf(object);
  const start = compressed.slice(0, 3).reduce((sum, size) => sum + size, 0);
  const fourth = zstdDecompressSync(object.subarray(start, start + (compressed[3] ?? 0)));

  assert.equal(compressed.length, 5);
  assert.ok(fourth.equals(bytes.subarray(3 * 4096, 4 * 4096)));
});

test('the table is laid out as the seekable format says', () => {
  const table = encodeSeekTable([
    { compressedBytes: 10, plainBytes: 100 },
    { compressedBytes: 0x01020304, plainBytes: 5 },
  ]);

  assert.equal(table.toString('hex'), '5e2a4d18190000000a000000640000000403020105000000020000' + '0000b1ea928f');
});
