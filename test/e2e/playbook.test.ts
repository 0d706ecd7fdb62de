import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { serverAccount } from '../../lib/servers/server-account.ts';
import { claimedPort } from '../servers/claimed-port.ts';
import { startOn } from '../servers/postgres-on-folder.ts';
import { receiving } from './receiving.ts';
import { backupUser, type SourceServer, sourceServer } from './source-server.ts';
import { type OpenStack, openStack, type StackFolder, stackFolder } from './stack-fixture.ts';

const document = readFileSync(new URL('../../docs/playbooks/point-in-time.md', import.meta.url), 'utf8');
const blocks = [...document.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
const program = path.resolve(import.meta.dirname, '../../bin/holdfast.ts');

suite('the playbook of a bad day, followed as it stands', { concurrency: false }, () => {
  let server: SourceServer;
  let folder: StackFolder;
  let opened: OpenStack;
  let place: string;
  let receiver: Awaited<ReturnType<typeof receiving>>;
  let values: Readonly<Record<string, string>>;

  before(async () => {
    server = await sourceServer({ orders: { noiseKilobytes: 100 } });
    place = mkdtempSync(path.join(tmpdir(), 'holdfast-playbook-'));
    chmodSync(place, 0o755);
    folder = await stackFolder({
      server,
      backups: { orders: [{ method: 'base', tier: 'daily', schedule: '0 2 * * *' }] },
    });
    opened = await openStack(folder);
    receiver = await receiving(folder, server);
    await opened.succeeded(opened.backup('orders', { method: 'base' }));
    await server.run('orders', "insert into orders values (501, 'the last one', now())");
    const moment = `to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
    const wasGood = (await server.ask('orders', `select ${moment}`)) ?? '';
    await server.run('orders', 'delete from orders');
    await receiver.covers(wasGood);
    values = {
      ...{ TARGET: 'orders', DATABASE: 'orders', TABLE: 'public.orders', BEFORE: wasGood },
      ...{ FOLDER: path.join(place, 'recovered'), BIN: server.binDir, PORT: String((await claimedPort()).port) },
      ACCOUNT: serverAccount()?.name ?? '',
    };
  });
  after(async () => {
    await receiver?.stop();
    await opened?.[Symbol.asyncDispose]();
    folder?.[Symbol.dispose]();
    await server?.[Symbol.asyncDispose]();
    rmSync(place, { recursive: true, force: true });
  });

  /** Runs those blocks of the page, the choices of the first one filled in; resolves with what they printed. */
  async function follow(...numbers: readonly number[]): Promise<string> {
    const text = [0, ...numbers]
      .map((number) => blocks[number] ?? '')
      .join('\n')
      .replaceAll(/\b([A-Z]+)=\S+/g, (word, name: string) =>
        values[name] === undefined ? word : `${name}='${values[name]}'`,
      )
      // What is late is said by an exit code, and on a day like this something is.
      .replaceAll(/^holdfast status$/gm, 'holdfast status || [ $? = 31 ]');
    const script = path.join(place, 'follow.sh');
    writeFileSync(script, `holdfast() { '${process.execPath}' '${program}' "$@"; }\n${text}`);
    const { stdout, stderr } = await promisify(execFile)('bash', ['-euo', 'pipefail', script], {
      cwd: '/',
      env: {
        ...{ PATH: `${server.binDir}:${process.env['PATH']}`, HOME: place, LC_ALL: 'C.UTF-8' },
        ...{ PGUSER: backupUser, PGPASSWORD: server.backupPassword },
        ...{ HOLDFAST_CONFIG: folder.configFile, ...folder.environment },
      },
    });
    return stdout + stderr;
  }

  test('the table that was emptied is back in the server that lives, as it was the minute before', async () => {
    assert.equal(blocks.length, 8);

    const said = await follow(1, 2, 3, 4, 5);

    assert.match(said, /recovered to \w+\/\w+, goes on along timeline 2, its last transaction of 20/);
    assert.match(said, /\n +501\n/);
    assert.equal(await server.ask('orders', 'select count(*) from orders'), '501');
  });

  test('the copy takes the place of the server that is lost, is backed up, and that backup is proved', async () => {
    await follow(3, 6);
    await receiver.stop();
    await server.kill();
    await using _started = await startOn(values['FOLDER'] ?? '', server.binDir, { port: String(server.port) });

    const said = await follow(7);

    assert.equal(await server.ask('orders', 'select count(*) from orders'), '501');
    assert.equal(await server.ask('postgres', 'show archive_mode'), 'off');
    assert.match(said, /passed|verified|PASSED/);
  });
});
