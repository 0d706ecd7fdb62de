import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type SourceServer, sourceServer } from '../e2e/source-server.ts';
import {
  leaseOf,
  manifestOf,
  type OpenStack,
  objectsUnder,
  openStack,
  type StackFolder,
  stackFolder,
} from '../e2e/stack-fixture.ts';

let server: SourceServer;
let disk: string;
let folder: StackFolder;
let opened: OpenStack;

before(async () => {
  server = await sourceServer({ orders: { noiseKilobytes: 2500 } });
  disk = join(server.dataDir, '..', 'small-disk');
  mkdirSync(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m,mode=0700', 'tmpfs', disk], { stdio: 'pipe' });
  } catch (cause) {
    disk = '';
    throw new Error(
      'this test fills a disk, for which it mounts a small one: run it as root, and where root may mount',
      {
        cause,
      },
    );
  }
  folder = await stackFolder({ server, storePath: join(disk, 'vault') });
  opened = await openStack(folder);
});
after(async () => {
  await opened?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
  if (disk) execFileSync('umount', [disk]);
  await server?.[Symbol.asyncDispose]();
});

test('a full disk ends the attempt as disk-full, with no backup on it; when there is space again, all goes on by itself', async () => {
  const filler = join(disk, 'filler');
  // The store has 6 MB, of which some 1.5 are left: one object of the backup's three, and its small records.
  writeFileSync(filler, Buffer.alloc(4_500_000));

  const { arn } = opened.backup('orders');
  const waiting = new Promise<unknown>((resolve) =>
    opened.stack.executions.listen((news) => {
      if (news.kind !== 'event' || news.execution.arn !== arn || news.event.type !== 'state-entered') return;
      if (news.event.state === 'Wait before the next attempt') resolve(news.event.input);
    }),
  );
  const ended = opened.stack.waitFor(arn);
  const first = await Promise.race([waiting, ended]);
  const { judged, run } = first as {
    judged?: { failure: { code: string; message: string } };
    run: { backupId: string };
  };

  assert.equal(judged?.failure.code, 'disk-full', JSON.stringify(first));
  assert.match(judged?.failure.message ?? '', /^cannot write 'backups\/orders\/.*': no space is left for it/);
  const left = objectsUnder(folder, `backups/orders/${run.backupId}/`);
  assert.equal(
    left.some((key) => key.endsWith('manifest.json')),
    false,
  );
  assert.deepEqual(readdirSync(join(folder.store, '.store/tmp')), []);

  rmSync(filler);
  const { run: done } = await opened.succeeded(await ended);
  assert.equal(manifestOf(folder, done).status, 'complete');
  assert.equal((await opened.rowOf(await ended))?.status, 'COMPLETED');
  assert.equal(leaseOf(folder, 'orders').isReleased, true);
});
