import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Engine } from '../../../lib/engines/engine.ts';
import { neo4jEngine } from '../../../lib/engines/neo4j/neo4j-engine.ts';
import { findNeo4j } from '../../../lib/engines/neo4j/tools.ts';
import { commandService } from '../../../lib/services/command-service.ts';
import { type Neo4jServer, neo4jServer } from '../../servers/neo4j.ts';
import { type ServerControl, serverControl } from '../../servers/server-control.ts';
import { capture, planned, type Saved } from '../saved-streams.ts';
import { contextFor } from './run-engine.ts';

const request = { method: 'dump', format: 'dump' } as const;

suite('dumps of a server that is stopped and started around them', { concurrency: false }, () => {
  let server: Neo4jServer;
  let control: ServerControl;
  let folder: string;
  let saved: Saved;

  const engine = neo4jEngine({
    findTools: (atLeast) => findNeo4j(atLeast, { folders: [server.binDir], elsewhere: [] }),
  });
  const contextOf = (over: Record<string, unknown> = {}) =>
    contextFor(server, { options: { home: server.home, ...over }, service: commandService(control.commands) });
  const names = async () => (await server.run('MATCH (n:Item) RETURN count(n)'))[0];

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'holdfast-dump-'));
    server = await neo4jServer();
    control = await serverControl(server);
    await server.run('UNWIND range(1, 2000) AS id CREATE (:Item {id: id, text: "text of " + id})');
    await server.run('CREATE INDEX item_id FOR (n:Item) ON (n.id)');
  });
  after(async () => {
    await control?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test('a dump is captured while the server is stopped, and it runs again afterwards', async () => {
    using context = contextOf();

    const found = (await capture(engine, context, request)).get('neo4j');

    assert.ok(found);
    saved = found;
    assert.equal(saved.record.error, undefined);
    assert.deepEqual(control.told, ['stop', 'start']);
    assert.deepEqual(saved.record.facts, { nodesBeforeStop: 2000, relationshipsBeforeStop: 0 });
    assert.deepEqual(await names(), [2000n]);
    assert.deepEqual(await engine.inspect(saved.record, planned(saved, '').open(), context), saved.record.content);
  });

  test('a live database is held against a dump by its counts, and that is said', async () => {
    using context = contextOf();

    const asItWas = await engine.compare(context, saved.record, 'neo4j');
    await server.run('CREATE (:Extra)');
    const withMore = await engine
      .compare(context, saved.record, 'neo4j')
      .finally(() => server.run('MATCH (n:Extra) DELETE n'));

    assert.deepEqual([asItWas.same, asItWas.differences], [true, []]);
    assert.equal(asItWas.proof, undefined);
    assert.deepEqual(asItWas.remarks, ['its nodes and relationships were counted, and not read']);
    assert.equal(withMore.same, false);
    assert.deepEqual(withMore.differences, [
      'the database has 2001 nodes and 0 relationships; just before its server was stopped for the dump it had 2000 and 0',
    ]);
  });

  test('a dump that was cut, or in which a bit was flipped, is found out without any tool', async () => {
    using context = contextOf();
    const { bytes } = saved;
    for (const length of [0, 3, 4, 20, Math.floor(bytes.length / 2), bytes.length - 1]) {
      const cut = planned({ ...saved, bytes: bytes.subarray(0, length) }, '').open();
      await assert.rejects(engine.inspect(saved.record, cut, context), (error: { code?: unknown }) =>
        ['corrupt', 'dump-incomplete'].includes(String(error.code)),
      );
    }
    for (const at of [0, 6, 40, Math.floor(bytes.length / 2), bytes.length - 2]) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      await assert.rejects(engine.inspect(saved.record, planned({ ...saved, bytes: flipped }, '').open(), context), {
        code: 'corrupt',
      });
    }
  });

  test('a dump of a server that runs, and that nobody may stop, is refused', async () => {
    using context = contextFor(server, { options: { home: server.home } });

    await assert.rejects(engine.capture(context, request), { code: 'source-busy' });
  });

  test('probe says what a dump lacks before it is tried', async () => {
    const backups = [{ method: 'dump' }];
    using ready = contextOf({ backups });
    using lacking = contextFor(server, { options: { backups, home: folder } });

    const good = await engine.probe(ready);
    const bad = await engine.probe(lacking);

    assert.deepEqual(good.findings, []);
    assert.deepEqual(
      bad.findings.map(({ level, message }) => [level, message]),
      [
        ['error', `'${folder}/conf/neo4j.conf' cannot be read: is 'home' right, and 'conf'?`],
        ['warning', 'the target has no service setting: a dump finds the server running, and is refused'],
      ],
    );
  });

  test('the server is started again when the dump fails, and when it is never read', async () => {
    control.told.length = 0;
    const broken = path.join(folder, 'broken');
    mkdirSync(broken, { recursive: true });
    writeFileSync(path.join(broken, 'neo4j-admin'), '#!/bin/sh\nprintf DZV1garbage\nexit 0\n');
    chmodSync(path.join(broken, 'neo4j-admin'), 0o755);
    const lying = neo4jEngine({
      findTools: async () => ({ neo4j: '', neo4jAdmin: path.join(broken, 'neo4j-admin'), version: '5.26.30' }),
    });
    using context = contextOf();
    control.isObeyed = false;

    const failed = (await capture(lying, context, request)).get('neo4j');
    const opened = await engine.capture(context, request);
    for (const stream of opened.streams) await stream.open();
    await opened.end();
    control.isObeyed = true;

    assert.equal(failed?.record.error?.code, 'corrupt');
    assert.deepEqual(control.told, ['stop', 'start', 'stop', 'start']);
  });

  test('the server is started again when the task is killed in the middle of the dump', async () => {
    control.told.length = 0;
    const program = `
      const { neo4jEngine } = await import('${path.resolve(import.meta.dirname, '../../../lib/engines/neo4j/neo4j-engine.ts')}');
      const { findNeo4j } = await import('${path.resolve(import.meta.dirname, '../../../lib/engines/neo4j/tools.ts')}');
      const { commandService } = await import('${path.resolve(import.meta.dirname, '../../../lib/services/command-service.ts')}');
      const { context, binDir, commands } = JSON.parse(process.argv[1]);
      const engine = neo4jEngine({ findTools: (atLeast) => findNeo4j(atLeast, { folders: [binDir], elsewhere: [] }) });
      const capture = await engine.capture({ ...context, service: commandService(commands), signal: new AbortController().signal, progress() {} }, { method: 'dump', format: 'dump' });
      const { bytes } = await capture.streams[0].open();
      for await (const chunk of bytes) { console.log('reading'); await new Promise(() => setInterval(() => {}, 1000)); }`;
    using context = contextOf();
    const { target, connection, parallelJobs, options, scratch } = context;
    const argument = JSON.stringify({
      context: { target, connection, parallelJobs, options, scratch },
      binDir: server.binDir,
      commands: control.commands,
    });
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, argument], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(createInterface({ input: child.stdout }), 'line');

    child.kill('SIGKILL');
    const deadline = Date.now() + 60_000;
    while (control.told.length < 2 && Date.now() < deadline) await delay(20);

    assert.deepEqual(control.told, ['stop', 'start']);
    await control.settled();
    assert.deepEqual(await names(), [2000n]);
  });

  test('a restore into a database that is not empty is refused, and the server is not stopped', async () => {
    control.told.length = 0;
    using context = contextOf();

    await assert.rejects(engine.restore(context, { streams: [planned(saved, 'neo4j')], replace: false, source: {} }), {
      code: 'target-not-empty',
    });

    assert.deepEqual(control.told, []);
  });

  test('a restore puts the dump in place of what was there, and leaves nothing aside', async () => {
    control.told.length = 0;
    await server.run('MATCH (n:Item) WHERE n.id > 10 DELETE n');
    await server.run("CREATE (:Later {name: 'gone after the restore'})");
    using context = contextOf();

    const { restored } = await engine.restore(context, {
      streams: [planned(saved, 'neo4j')],
      replace: true,
      source: {},
    });

    assert.deepEqual(control.told, ['stop', 'start']);
    assert.deepEqual(
      restored.map(({ comparison }) => [comparison.itemsCompared, comparison.remarks]),
      [[2000, []]],
    );
    assert.deepEqual(await names(), [2000n]);
    assert.deepEqual(await server.run('MATCH (n:Later) RETURN count(n)'), [[0n]]);
    for (const name of ['holdfast-restore', 'holdfast-replaced', 'holdfast-discarded'])
      assert.equal(existsSync(path.join(server.home, 'data', name)), false);
  });

  test('a restore of a damaged dump leaves the database and its server alone', async () => {
    control.told.length = 0;
    using context = contextOf();
    const cut = { ...saved, bytes: saved.bytes.subarray(0, saved.bytes.length - 10) };

    await assert.rejects(engine.restore(context, { streams: [planned(cut, 'neo4j')], replace: true, source: {} }), {
      code: 'dump-incomplete',
    });

    assert.deepEqual(control.told, []);
    assert.deepEqual(await names(), [2000n]);
  });

  test('a restore after which the server does not start brings the old database back', async () => {
    control.told.length = 0;
    await server.run("CREATE (:Kept {name: 'still there'})");
    using context = contextOf();
    control.isStartRefused = true;
    try {
      await assert.rejects(engine.restore(context, { streams: [planned(saved, 'neo4j')], replace: true, source: {} }), {
        code: 'service-not-switched',
      });
    } finally {
      control.isStartRefused = false;
    }
    // The last attempt of whoever guards the service was refused too.
    if (control.told.at(-1) === 'start') await server.start().catch(() => {});

    assert.deepEqual(await server.run('MATCH (n:Kept) RETURN n.name'), [['still there']]);
  });

  test('a restore test loads the dump into a server of its own and asks it', async () => {
    using context = contextOf();
    const result = await engine.restoreTest(context, {
      source: { serverVersion: '5.26.30' },
      streams: [planned(saved, 'neo4j')],
      options: { heapMiB: 512, pageCacheMiB: 64 },
      assertions: [
        { name: 'items', database: 'neo4j', cypher: 'MATCH (n:Item) RETURN count(n)', expect: { equals: 2000 } },
        { name: 'none', database: 'neo4j', cypher: 'MATCH (n:Later) RETURN count(n)', expect: { min: 1 } },
      ],
      assertionTimeoutSeconds: 60,
      onRestored: () => {},
    });

    assert.deepEqual(
      result.problems.map(({ message }) => message),
      ["assertion 'none': expected at least 1, found '0'"],
    );
    assert.deepEqual(
      result.restored.map(({ comparison }) => comparison.itemsCompared),
      [2000],
    );
    assert.deepEqual(result.remarks, []);
  });

  test('an online backup is refused where the tool is of the Community edition, with what to do instead', async () => {
    using context = contextOf();

    await assert.rejects(engine.capture(context, { method: 'online', format: 'backup' }), {
      code: 'tool-missing',
      message: /has no command 'database backup'/,
      hint: /'logical'/,
    });
  });

  test('an online backup asks the Enterprise tool for one artifact, has it checked, and streams it', async () => {
    using context = contextOf({ backupAddress: 'graph.internal:6362' });
    const { tools, asked } = enterpriseStandIn(folder, 'good');

    const online = (await capture(tools, context, { method: 'online', format: 'backup' })).get('neo4j');

    assert.equal(online?.record.error, undefined);
    assert.equal(online?.bytes.toString(), 'an artifact');
    assert.equal(online?.record.format, 'neo4j-backup');
    const to = path.join(context.scratch, 'backup-db-neo4j');
    assert.deepEqual(asked(), [
      'database backup --help',
      `database backup --from=graph.internal:6362 --to-path=${to} --type=FULL neo4j`,
      `database check --from-path=${to} --report-path=${context.scratch} neo4j`,
    ]);
    assert.equal(existsSync(to), false);
  });

  for (const [fault, code] of [
    ['fails', 'dump-failed'],
    ['leaves none', 'dump-incomplete'],
    ['leaves two', 'dump-incomplete'],
    ['is damaged', 'dump-incomplete'],
  ] as const)
    test(`an online backup whose tool or artifact ${fault} fails, and nothing stays`, async () => {
      using context = contextOf();
      const { tools } = enterpriseStandIn(folder, fault);

      const online = (await capture(tools, context, { method: 'online', format: 'backup' })).get('neo4j');

      assert.equal(online?.record.error?.code, code);
      assert.equal(existsSync(path.join(context.scratch, 'backup-db-neo4j')), false);
    });

  test('the same file, taken by hand, is recognised and proved', async () => {
    const file = path.join(folder, 'by-hand.dump');
    writeFileSync(file, saved.bytes);
    const head = readFileSync(file).subarray(0, 4096).toString('latin1');

    const checked = await engine.checkFile({ path: file, head, tail: '' }, new AbortController().signal);

    assert.deepEqual(checked, { format: 'neo4j-dump', content: saved.record.content });
  });
});

/** An engine whose neo4j-admin has the Enterprise edition's command, as far as arguments, exit codes and files go; and what it was asked. */
function enterpriseStandIn(
  folder: string,
  behaviour: 'good' | 'fails' | 'leaves none' | 'leaves two' | 'is damaged',
): { readonly tools: Engine; readonly asked: () => readonly string[] } {
  const place = mkdtempSync(path.join(folder, 'enterprise-'));
  const program = path.join(place, 'neo4j-admin');
  const log = path.join(place, 'asked');
  writeFileSync(
    program,
    `#!/bin/sh
echo "$*" >> '${log}'
for word; do case "$word" in --to-path=*) to=\${word#--to-path=};; esac; done
leave() { printf 'an artifact' > "$to/$1.backup"; }
case "$2 $3" in
  'backup --help') echo 'neo4j-admin database backup [--from=<host:port>] --to-path=<path> <database>' ;;
  'backup '*)
    case '${behaviour}' in
      fails) echo 'no connection to the backup server' >&2; exit 1 ;;
      'leaves none') ;;
      'leaves two') leave one; leave two ;;
      *) leave neo4j-2026-11-21T02-00-00 ;;
    esac ;;
  'check '*) if [ '${behaviour}' = 'is damaged' ]; then exit 1; fi ;;
esac
`,
  );
  chmodSync(program, 0o755);
  return {
    tools: neo4jEngine({ findTools: async () => ({ neo4j: '', neo4jAdmin: program, version: '5.26.30' }) }),
    asked: () => readFileSync(log, 'utf8').trim().split('\n'),
  };
}
