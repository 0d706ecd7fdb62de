import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, suite, test } from 'node:test';
import { neo4jEngine } from '../../lib/engines/neo4j/neo4j-engine.ts';
import { contextFor } from '../engines/neo4j/run-engine.ts';
import { capture, planned, type Saved, save } from '../engines/saved-streams.ts';
import { type Neo4jServer, neo4jServer } from '../servers/neo4j.ts';
import { until } from '../until.ts';

const engine = neo4jEngine();
const request = { method: 'logical', format: 'cypher' } as const;
/** One more than a restore loads in one transaction, and then some: what is killed behind them has loaded some, and not all. */
const nodes = 5_300;
const givenBeforeKill = 0.97;

suite('faults of a Neo4j server and of the tasks that work on it', { concurrency: false }, () => {
  let server: Neo4jServer;
  let saved: Saved;

  const fill = async (count: number) => {
    await server.run('CREATE CONSTRAINT item_id IF NOT EXISTS FOR (n:Item) REQUIRE n.id IS UNIQUE');
    await server.run(`UNWIND range(1, ${count}) AS id CREATE (:Item {id: id, text: 'text of item ' + id})`);
    await server.run(
      `MATCH (a:Item), (b:Item {id: a.id % ${count} + 1}) WHERE a.id <= 500 CREATE (a)-[:NEXT {n: a.id}]->(b)`,
    );
  };
  const captured = async (): Promise<Saved> => {
    using context = contextFor(server);
    const found = (await capture(engine, context, request)).get('neo4j');
    assert.ok(found);
    return found;
  };
  const restore = async (what: Saved, over: Partial<Parameters<typeof engine.restore>[1]> = {}) => {
    using context = contextFor(server);
    return await engine.restore(context, { streams: [planned(what, 'neo4j')], replace: false, source: {}, ...over });
  };
  const differences = async (what: Saved): Promise<readonly string[]> => {
    using context = contextFor(server);
    return (await engine.compare(context, what.record, 'neo4j')).differences;
  };
  /** A task of its own that restores, and is killed when the script has been given to it but for its end. */
  const killedRestore = async (what: Saved, replace: boolean): Promise<void> => {
    using context = contextFor(server, { parallelJobs: 2 });
    const file = path.join(context.scratch, 'half.cypher');
    writeFileSync(file, what.bytes.subarray(0, Math.floor(what.bytes.length * givenBeforeKill)));
    const program = `
      const { neo4jEngine } = await import('${path.resolve(import.meta.dirname, '../../lib/engines/neo4j/neo4j-engine.ts')}');
      const { readFileSync } = await import('node:fs');
      const { context, file, record, replace } = JSON.parse(process.argv[1]);
      async function* open() {
        const bytes = readFileSync(file);
        for (let at = 0; at < bytes.length; at += 65536) yield Buffer.from(bytes.subarray(at, at + 65536));
        console.log('half');
        await new Promise(() => setInterval(() => {}, 1000));
      }
      await neo4jEngine().restore({ ...context, signal: new AbortController().signal, progress() {} },
        { streams: [{ record, destination: 'neo4j', open }], replace, source: {} });`;
    const { target, connection, parallelJobs, options, scratch } = context;
    const argument = {
      context: { target, connection, parallelJobs, options, scratch },
      file,
      record: what.record,
      replace,
    };
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, JSON.stringify(argument)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const closed = once(child, 'close');
    try {
      await once(createInterface({ input: child.stdout }), 'line');
      // Of what was given something has been loaded.
      const loaded = async () => Number((await server.run('MATCH (n:`holdfast-node`) RETURN count(n)'))[0]?.[0]);
      await until(async () => (await loaded()) > 0, 'something to be loaded');
    } finally {
      child.kill('SIGKILL');
      await closed;
    }
  };

  before(async () => {
    server = await neo4jServer();
    await fill(nodes);
    saved = await captured();
  });
  after(() => server?.[Symbol.asyncDispose]());

  test('a wrong password and a port where nothing listens are told apart', async () => {
    using wrong = contextFor(server, { connection: { password: 'wrong' } });
    using nowhere = contextFor(server, { connection: { port: 1 } });

    await assert.rejects(engine.probe(wrong), { code: 'auth-failed' });
    await assert.rejects(engine.capture(nowhere, request), { code: 'source-unreachable' });
  });

  test('what changes while it is read is said, and what is there is whole', async () => {
    using context = contextFor(server);
    const opened = await engine.capture(context, request);
    const [stream] = opened.streams;
    assert.ok(stream);
    const changed = await save({
      ...stream,
      async open() {
        const { bytes, result } = await stream.open();
        async function* changing() {
          let chunks = 0;
          for await (const chunk of bytes) {
            chunks += 1;
            if (chunks === 2)
              await server.run('UNWIND range(1, 50) AS i MATCH (a:Item {id: i}) CREATE (a)-[:NEXT]->(:Item {id: -i})');
            yield chunk;
          }
        }
        return { bytes: changing(), result };
      },
    });
    await opened.end();

    assert.equal(changed.record.status, 'complete');
    assert.equal(changed.record.facts['consistency'], 'each element as committed when it was read');
    assert.match(String(changed.record.remarks), /^transactions were committed while the database was read: each/);
    assert.equal(changed.record.facts['nodesAtBegin'], 5_300);
    assert.equal(changed.record.facts['nodesAtEnd'], 5_350);
    assert.deepEqual(
      await engine.inspect(changed.record, planned(changed, '').open(), context),
      changed.record.content,
    );
    await server.run('MATCH (n:Item) WHERE n.id < 0 DETACH DELETE n');
    assert.deepEqual(await differences(saved), []);
  });

  test('a server that is killed in the middle of a capture fails it as interrupted, and the next one succeeds', async () => {
    using context = contextFor(server);
    const opened = await engine.capture(context, request);
    const [stream] = opened.streams;
    assert.ok(stream);
    const broken = await save({
      ...stream,
      async open() {
        const { bytes, result } = await stream.open();
        async function* killing() {
          let chunks = 0;
          for await (const chunk of bytes) {
            chunks += 1;
            if (chunks === 2) await server.kill();
            yield chunk;
          }
        }
        return { bytes: killing(), result };
      },
    });
    await opened.end();
    await server.start();
    const next = await captured();

    assert.equal(broken.record.error?.code, 'source-interrupted');
    assert.deepEqual(next.record.content, saved.record.content);
  });

  test('a restore that was killed is no source of a backup, and the next attempt goes on where it was', async () => {
    await server.clear();
    await killedRestore(saved, false);
    const [[loaded]] = (await server.run('MATCH (n:`holdfast-node`) RETURN count(n)')) as [[bigint]];
    const refused = await captured();
    const oldest = await server.run('MATCH (n:`holdfast-node`) RETURN min(id(n)), max(id(n))');

    await restore(saved);

    assert.ok(loaded > 0n);
    assert.equal(refused.record.error?.code, 'source-busy');
    assert.deepEqual(await differences(saved), []);
    // The nodes of before are those of now: they were not loaded again.
    assert.deepEqual(
      await server.run(
        `MATCH (n) WHERE id(n) >= ${(oldest[0] as bigint[])[0]} AND id(n) <= ${(oldest[0] as bigint[])[1]} RETURN count(n) >= ${loaded}`,
      ),
      [[true]],
    );
    assert.deepEqual(
      await server.run('MATCH (n) WHERE any(l IN labels(n) WHERE l STARTS WITH "holdfast") RETURN count(n)'),
      [[0n]],
    );
  });

  test('a killed replacement leaves what was there, and the restore of another backup takes it back first', async () => {
    await server.clear();
    await fill(300);
    const small = await captured();
    await killedRestore(saved, true);
    const between = await server.run('MATCH (n:Item) WHERE NOT n:`holdfast-node` RETURN count(n)');

    await restore(small, { replace: true });

    assert.deepEqual(between, [[300n]]);
    assert.deepEqual(await differences(small), []);
    assert.deepEqual(await server.run('SHOW CONSTRAINTS YIELD name RETURN name'), [['item_id']]);
  });

  test('a server that is killed in the middle of a restore interrupts it, and the next attempt finishes', async () => {
    await server.clear();
    const stream = planned(saved, 'neo4j');
    async function* killing() {
      let bytes = 0;
      for await (const chunk of stream.open()) {
        bytes += chunk.length;
        if (bytes > saved.bytes.length * givenBeforeKill) await server.kill();
        yield chunk;
      }
    }

    await assert.rejects(restore(saved, { streams: [{ ...stream, open: killing }] }), (error: { code?: unknown }) =>
      // Which of them depends on what the driver was doing; both are tried again.
      ['source-interrupted', 'source-unreachable'].includes(String(error.code)),
    );
    await server.start();
    await restore(saved);

    assert.deepEqual(await differences(saved), []);
  });

  test('whoever writes to an empty database while it is restored keeps it: nobody said that it may be deleted', async () => {
    await server.clear();
    const stream = planned(saved, 'neo4j');
    async function* writing() {
      for await (const chunk of stream.open()) yield chunk;
      await server.run('CREATE (:Order {paid: true})-[:OF]->(:Customer)');
    }

    await assert.rejects(restore(saved, { streams: [{ ...stream, open: writing }] }), {
      code: 'target-not-empty',
      message: "somebody wrote to database 'neo4j' while it was restored",
    });

    assert.deepEqual(await server.run('MATCH (n) RETURN labels(n)[0] AS label ORDER BY label'), [
      ['Customer'],
      ['Order'],
    ]);
  });

  test('constraints come back after a failure under their own names, and what cannot is said', async () => {
    await server.clear();
    await server.run('CREATE CONSTRAINT `unique FOR item` FOR (n:Item) REQUIRE n.id IS UNIQUE');
    await server.run('CREATE CONSTRAINT person FOR (n:Person) REQUIRE n.id IS UNIQUE');
    await server.run('CREATE (:Person {id: 1})');
    const cut = { ...saved, bytes: saved.bytes.subarray(0, -100) };
    const stream = planned(cut, 'neo4j');
    async function* writing() {
      await server.run('CREATE (:Person {id: 1})');
      yield* stream.open();
    }

    await assert.rejects(restore(cut, { replace: true, streams: [{ ...stream, open: writing }] }), {
      code: 'dump-incomplete',
      message:
        'the script ends within a line; and 1 constraints of before could not be made again, because of what was written meanwhile: CREATE CONSTRAINT `person` FOR (n:`Person`) REQUIRE (n.`id`) IS UNIQUE',
    });
    const left = await server.run('MATCH (n) RETURN labels(n)');
    const constraints = await server.run('SHOW CONSTRAINTS YIELD name RETURN name');
    await restore(saved, { replace: true });

    assert.deepEqual(left, [[['Person']], [['Person']]]);
    assert.deepEqual(constraints, [['unique FOR item']]);
    assert.deepEqual(await differences(saved), []);
  });

  test('a taking back that was killed is ended by the next attempt, and no backup is made until then', async () => {
    await server.clear();
    await killedRestore(saved, false);
    // As far as it comes before its last step.
    await server.run("MATCH (m:`holdfast-restore`) SET m.phase = 'taking back'");
    await server.run('MATCH (n:`holdfast-node`) CALL { WITH n DETACH DELETE n } IN TRANSACTIONS');

    const refused = await captured();
    await restore(saved);

    assert.equal(refused.record.error?.code, 'source-busy');
    assert.deepEqual(await differences(saved), []);
  });

  test('a copy that was being put in place when its restore was killed is no database, and is said to be none', async () => {
    await server.clear();
    await killedRestore(saved, false);
    await server.run("MATCH (m:`holdfast-restore`) SET m.phase = 'replacing'");

    await assert.rejects(restore(saved), {
      code: 'target-not-empty',
      message: /holds a copy without all of its constraints and indexes/,
    });
    const refused = await captured();
    await restore(saved, { replace: true });

    assert.equal(refused.record.error?.code, 'source-busy');
    assert.deepEqual(await differences(saved), []);
  });

  test('a rehearsal leaves an empty database empty, and one with other content as it was', async () => {
    await server.clear();
    const { restored } = await restore(saved, { cutOver: false });
    const empty = await server.run('MATCH (n) RETURN count(n)');
    await fill(200);
    const before = await captured();
    await restore(saved, { cutOver: false, replace: true });

    assert.deepEqual(
      restored.map(({ comparison }) => comparison.itemsCompared),
      [5_800],
    );
    assert.deepEqual(empty, [[0n]]);
    assert.deepEqual(await differences(before), []);
  });
});
