import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ensureApoc } from '../scripts/servers/neo4j.ts';
import { type Neo4jServer, neo4jServer } from '../test/servers/neo4j.ts';
import { type BenchRow, rowOf, type Sample } from './bench-row.ts';
import { measureScript } from './measure-command.ts';
import { benchRounds, benchScale } from './scale.ts';

const heapMiB = 1024;

/**
 * A Cypher script of a graph with 1 M nodes and 2 M relationships, by the engine and by `apoc.export.cypher.all` streamed to a client of the
 * same driver. Every second round runs them in reverse. The server has 1 GiB of heap: what does not stream does not come to its end.
 */
export async function run(): Promise<BenchRow[]> {
  const jars = path.join(await ensureApoc((line) => console.error(line)), 'lib');
  await using server = await neo4jServer({
    heapMiB,
    java: '-XX:+UseG1GC',
    settings: { 'dbms.security.procedures.unrestricted': 'apoc.*', 'server.memory.pagecache.size': '1g' },
    plugins: readdirSync(jars).map((jar) => path.join(jars, jar)),
  });
  const nodes = Math.round(1_000_000 * benchScale);
  console.error(`making ${nodes} nodes and ${2 * nodes} relationships`);
  await fill(server, nodes);

  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'));
  const samples: { ours: Sample; peer: Sample }[] = [];
  try {
    for (let round = 0; round < benchRounds; round++) {
      const order = ['ours', 'apoc'] as const;
      const found = { ours: undefined as Sample | undefined, apoc: undefined as Sample | undefined };
      for (const which of round % 2 === 0 ? order : order.toReversed())
        found[which] = await measure(server, folder, which);
      if (found.ours && found.apoc) samples.push({ ours: found.ours, peer: found.apoc });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const name = `neo4j: ${nodes} nodes, ${2 * nodes} relationships as Cypher`;
  const peerName = 'apoc.export.cypher.all, streamed';
  return [
    rowOf({ name, peerName, unit: 's', samples, figureOf: ({ seconds }) => seconds }),
    rowOf({
      name: 'neo4j: CPU of client and server',
      peerName,
      unit: 's',
      samples,
      figureOf: ({ cpuSeconds, serverCpuSeconds = Number.NaN }) => cpuSeconds + serverCpuSeconds,
    }),
    rowOf({
      name: 'neo4j: memory of the client',
      peerName,
      unit: 'MiB',
      samples,
      figureOf: ({ rssMiB }) => rssMiB ?? Number.NaN,
    }),
  ];
}

async function measure(server: Neo4jServer, folder: string, which: 'ours' | 'apoc'): Promise<Sample> {
  const file = path.join(folder, `${which}.cypher`);
  const usage = path.join(folder, 'usage.json');
  const here = import.meta.dirname;
  const serverBefore = serverCpuSeconds(server);
  const sample = await measureScript({
    script: `exec "${process.execPath}" --import "${here}/report-usage.mjs" "${here}/neo4j-export.ts" ${which} "${file}"`,
    env: { HOLDFAST_BENCH_USAGE: usage, HOLDFAST_BENCH_NEO4J: `${server.host} ${server.port} ${server.password}` },
  });
  const { rssMiB } = JSON.parse(readFileSync(usage, 'utf8')) as { rssMiB: number };
  const measured = {
    ...sample,
    rssMiB,
    serverCpuSeconds: serverCpuSeconds(server) - serverBefore,
    bytes: statSync(file).size,
  };
  rmSync(file);
  console.error(`${which}: ${measured.seconds.toFixed(1)} s, ${JSON.stringify(measured)}`);
  return measured;
}

/** What the server has used since it was started, in Linux's hundredths of a second; NaN elsewhere. */
function serverCpuSeconds({ home }: Neo4jServer): number {
  const folder = globSync('/proc/[0-9]*').find((process) => commandOf(process).includes(`--home-dir=${home}\0`));
  if (folder === undefined) return Number.NaN;
  const fields = readFileSync(path.join(folder, 'stat'), 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Empty for a process that has ended meanwhile. */
function commandOf(process: string): string {
  try {
    return readFileSync(path.join(process, 'cmdline'), 'utf8');
  } catch {
    return '';
  }
}

async function fill(server: Neo4jServer, nodes: number): Promise<void> {
  await server.run('CREATE CONSTRAINT person_id FOR (n:Person) REQUIRE n.id IS UNIQUE');
  await server.run(
    `UNWIND range(0, ${nodes - 1}) AS i
     CALL { WITH i CREATE (:Person {id: i, name: 'person ' + i, score: i * 0.5, born: date('1970-01-01') + duration({days: i % 20000})}) }
     IN TRANSACTIONS OF 10000 ROWS`,
  );
  await server.run(
    `UNWIND range(0, ${2 * nodes - 1}) AS i
     CALL { WITH i MATCH (a:Person {id: i % ${nodes}}), (b:Person {id: (i * 7919 + 13) % ${nodes}}) CREATE (a)-[:KNOWS {since: i, weight: i * 0.25}]->(b) }
     IN TRANSACTIONS OF 10000 ROWS`,
  );
}
