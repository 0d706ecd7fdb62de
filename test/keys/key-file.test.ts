import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { HoldfastError } from '../../lib/core/errors.ts';
import { newDataKey } from '../../lib/keys/data-key.ts';
import { ensureKeyFile, fingerprintOf } from '../../lib/keys/key-file.ts';
import { openKeyProvider, openKeyProviderOf } from '../../lib/keys/open-key-provider.ts';

const context = { target: 'orders', backupId: '20261121T020000Z-9f3c2a1b' };

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-keys-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function openKeyFile(path: string) {
  const provider = await openKeyProvider({ keys: 'key-file', keyFile: path });
  assert.ok(provider);
  return provider;
}

test('a new key file is for its owner alone, and comes with a loud word about keeping a copy', async () => {
  await withFolder(async (folder) => {
    const path = join(folder, 'holdfast.key');

    const { warning } = await ensureKeyFile(path);

    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.match(warning ?? '', /NEW KEY FILE: .*holdfast\.key/);
    assert.match(warning ?? '', /cannot restore any backup/);
    assert.deepEqual(await readdir(folder), ['holdfast.key']);
  });
});

test('ten that make the same key file at once all end up with one key, and one is warned', async () => {
  await withFolder(async (folder) => {
    const path = join(folder, 'holdfast.key');

    const made = await Promise.all(Array.from({ length: 10 }, () => ensureKeyFile(path)));
    const before = await readFile(path, 'utf8');
    const again = await ensureKeyFile(path);

    assert.equal(made.filter(({ warning }) => warning !== undefined).length, 1);
    assert.equal(again.warning, undefined);
    assert.equal(await readFile(path, 'utf8'), before);
    assert.deepEqual(await readdir(folder), ['holdfast.key']);
  });
});

test('a data key that a key file wrapped comes back, and for its own backup only', async () => {
  await withFolder(async (folder) => {
    const path = join(folder, 'holdfast.key');
    await ensureKeyFile(path);
    const provider = await openKeyFile(path);
    const dataKey = newDataKey();

    const wrapped = await provider.wrap(dataKey, context);
    const unwrapped = await (await openKeyProviderOf(wrapped, { keys: 'none', keyFile: path })).unwrap(
      wrapped,
      context,
    );
    const elsewhere = provider.unwrap(wrapped, { ...context, backupId: '20261122T020000Z-00000000' });

    assert.ok(unwrapped.equals(dataKey));
    assert.equal(Buffer.from(wrapped.ciphertext, 'base64').length, 60);
    await assert.rejects(elsewhere, { code: 'key-wrong' });
  });
});

test('an older key in the file still opens what it wrapped, and the first one wraps', async () => {
  await withFolder(async (folder) => {
    const [oldPath, newPath] = [join(folder, 'old.key'), join(folder, 'new.key')];
    await ensureKeyFile(oldPath);
    await ensureKeyFile(newPath);
    const dataKey = newDataKey();
    const wrapped = await (await openKeyFile(oldPath)).wrap(dataKey, context);
    const [older, newer] = [JSON.parse(await readFile(oldPath, 'utf8')), JSON.parse(await readFile(newPath, 'utf8'))];
    await writeFile(newPath, JSON.stringify({ ...newer, keys: [...newer.keys, ...older.keys] }));

    const both = await openKeyFile(newPath);

    assert.ok((await both.unwrap(wrapped, context)).equals(dataKey));
    assert.equal((await both.wrap(dataKey, context)).keyId, newer.keys[0].id);
  });
});

test('another key file is refused with both key ids named', async () => {
  await withFolder(async (folder) => {
    const [first, second] = [join(folder, 'first.key'), join(folder, 'second.key')];
    await ensureKeyFile(first);
    await ensureKeyFile(second);
    const wrapped = await (await openKeyFile(first)).wrap(newDataKey(), context);
    const held = JSON.parse(await readFile(second, 'utf8')).keys[0].id;

    const unwrapping = (await openKeyFile(second)).unwrap(wrapped, context);

    await assert.rejects(unwrapping, (error: HoldfastError) => {
      assert.equal(error.code, 'key-wrong');
      assert.ok(error.message.includes(`'${wrapped.keyId}'`) && error.message.includes(`'${held}'`), error.message);
      return true;
    });
  });
});

test('a key file that is not there is key-missing, and says that a copy is needed', async () => {
  await withFolder(async (folder) => {
    const opening = openKeyFile(join(folder, 'lost.key'));

    await assert.rejects(opening, (error: HoldfastError) => {
      assert.equal(error.code, 'key-missing');
      assert.match(error.hint, /copy that was kept elsewhere/);
      return true;
    });
  });
});

for (const mode of [0o640, 0o604, 0o660]) {
  test(`a key file with mode 0${mode.toString(8)} is refused with the command that mends it`, async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'holdfast.key');
      await ensureKeyFile(path);
      await chmod(path, mode);

      await assert.rejects(openKeyFile(path), (error: HoldfastError) => {
        assert.equal(error.code, 'config-invalid');
        assert.match(error.hint, /chmod 600/);
        return true;
      });
    });
  });
}

test('a damaged key file is refused without a word of its content', async () => {
  await withFolder(async (folder) => {
    const path = join(folder, 'holdfast.key');
    await ensureKeyFile(path);
    const whole = await readFile(path, 'utf8');
    const { key } = JSON.parse(whole).keys[0];
    const other = fingerprintOf(Buffer.alloc(32));

    for (const text of [whole.slice(0, -20), '', whole.replace(/"id": "[^"]+"/, `"id": "${other}"`)]) {
      await writeFile(path, text);

      await assert.rejects(openKeyFile(path), (error: HoldfastError) => {
        assert.equal(error.code, 'config-invalid');
        assert.equal(error.cause, undefined);
        assert.ok(!error.message.includes(key.slice(0, 8)));
        return true;
      });
    }
  });
});

test("no provider is opened for 'none'", async () => {
  assert.equal(await openKeyProvider({ keys: 'none' }), null);
});
