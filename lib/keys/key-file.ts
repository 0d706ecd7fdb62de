import { createHash, randomBytes } from 'node:crypto';
import { constants, link, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import { hasCode } from '../core/has-code.ts';

/** A wrapping key of a key file. */
export type FileKey = { readonly id: string; readonly key: Buffer };

const keyFileSchema = z.strictObject({
  format: z.literal('holdfast-key-file'),
  version: z.literal(1),
  /** The first wraps new data keys; the others still open what they wrapped. */
  keys: z.array(z.strictObject({ id: z.string(), key: z.base64().length(44), createdAt: z.iso.datetime() })).min(1),
});

/** What a key is known by: the first 32 hex digits of its SHA-256, which says nothing about a random key. */
export function fingerprintOf(key: Buffer): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 32);
}

/**
 * Makes a key file with one new key, or leaves alone the one that is there. Returns what its owner has to be told when it is new.
 *
 * Invariant: the path holds nothing or a whole key file, synced, and a key that is there is never replaced.
 * 1. A temporary file beside it, mode 0600, is written and synced. Crash: a stray file with a key that wrapped nothing.
 * 2. It gets its name, unless another process was faster.          Crash: as above, and the key file is there.
 * 3. The temporary name goes, the folder is synced.
 */
export async function ensureKeyFile(path: string, now: Date = new Date()): Promise<{ readonly warning?: string }> {
  if (await isPresent(path)) return {};
  const key = randomBytes(32);
  const id = fingerprintOf(key);
  const text = JSON.stringify(
    {
      format: 'holdfast-key-file',
      version: 1,
      keys: [{ id, key: key.toString('base64'), createdAt: now.toISOString() }],
    },
    null,
    2,
  );
  const temporary = `${path}.${randomBytes(4).toString('hex')}.new`;
  try {
    const handle = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      await handle.writeFile(`${text}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await link(temporary, path);
    await unlink(temporary);
    await syncFolder(dirname(path));
  } catch (cause) {
    await unlink(temporary).catch(() => undefined);
    if (hasCode(cause, 'EEXIST')) return {};
    throw new HoldfastError('config-invalid', `cannot make key file '${path}'`, {
      hint: 'does its folder exist, and may this user write there? encryption.keyFile names it',
      cause,
    });
  }
  return {
    warning: [
      `NEW KEY FILE: ${path} (key ${id})`,
      'Whoever has lost this file cannot restore any backup made with it: there is no other way in.',
      'Copy it NOW to a place that does not burn down with this machine, and never into the store beside the backups.',
    ].join('\n'),
  };
}

/**
 * The keys of a key file, the current one first. Rejects with `key-missing` when there is no such file, and with
 * `config-invalid` when others may read it or it is not a key file.
 */
export async function readKeyFile(path: string): Promise<readonly [FileKey, ...FileKey[]]> {
  const text = await readPrivately(path);
  const [current, ...older] = parseKeys(text, path);
  if (current === undefined) throw notAKeyFile(path);
  return [current, ...older];
}

async function readPrivately(path: string): Promise<string> {
  const handle = await open(path, constants.O_RDONLY).catch((cause: unknown) => {
    throw new HoldfastError('key-missing', `cannot open key file '${path}'`, {
      hint: 'put back the copy that was kept elsewhere, or name its place with encryption.keyFile; without it the backups cannot be read',
      cause,
    });
  });
  try {
    const { mode } = await handle.stat();
    if ((mode & 0o077) !== 0) {
      throw new HoldfastError(
        'config-invalid',
        `key file '${path}' may be read by others: its mode is 0${(mode & 0o777).toString(8)}`,
        { hint: `run: chmod 600 '${path}', and think about who may have read it` },
      );
    }
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

function parseKeys(text: string, path: string): readonly FileKey[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The cause is left out on purpose: a parser's message quotes what it read.
    throw notAKeyFile(path);
  }
  const parsed = keyFileSchema.safeParse(value);
  if (!parsed.success) throw notAKeyFile(path);
  return parsed.data.keys.map(({ id, key }) => {
    const bytes = Buffer.from(key, 'base64');
    if (bytes.length !== 32 || fingerprintOf(bytes) !== id) throw notAKeyFile(path);
    return { id, key: bytes };
  });
}

function notAKeyFile(path: string): HoldfastError {
  return new HoldfastError('config-invalid', `'${path}' is not a whole key file`, {
    hint: 'put back the copy that was kept elsewhere; a key file is never edited by hand',
  });
}

async function isPresent(path: string): Promise<boolean> {
  const handle = await open(path, constants.O_RDONLY).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw new HoldfastError('key-missing', `cannot open key file '${path}'`, { cause: error });
  });
  await handle?.close();
  return handle !== undefined;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
