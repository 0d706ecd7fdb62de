// node neo4j-export.ts ours|apoc FILE: exports the database at HOLDFAST_BENCH_NEO4J (host:port, password) as a Cypher script into the file.
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { auth, driver } from 'neo4j-driver';
import { neo4jEngine } from '../lib/engines/neo4j/neo4j-engine.ts';

const [which, file = ''] = process.argv.slice(2);
const [host = '', port = '', password = ''] = (process.env['HOLDFAST_BENCH_NEO4J'] ?? '').split(' ');

async function* ours(): AsyncGenerator<Uint8Array, void> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'holdfast-bench-'));
  const capture = await neo4jEngine().capture(
    {
      target: 'bench',
      connection: { host, port: Number(port), user: 'neo4j', password, tls: 'disable' },
      parallelJobs: 2,
      options: {},
      signal: new AbortController().signal,
      progress: () => {},
      scratch,
    },
    { method: 'logical', format: 'cypher' },
  );
  try {
    for (const stream of capture.streams) yield* (await stream.open()).bytes;
  } finally {
    await capture.end();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** As its manual says for large graphs: statements that create many elements each, streamed as they are made. */
async function* apoc(): AsyncGenerator<Uint8Array, void> {
  const opened = driver(`bolt://${host}:${port}`, auth.basic('neo4j', password));
  const session = opened.session({ database: 'neo4j', defaultAccessMode: 'READ' });
  try {
    const exported = session.run(
      `CALL apoc.export.cypher.all(null, {stream: true, batchSize: 1000, format: 'cypher-shell', useOptimizations: {type: 'UNWIND_BATCH', unwindBatchSize: 100}})
       YIELD cypherStatements RETURN cypherStatements`,
    );
    for await (const record of exported) yield Buffer.from(String(record.get(0)));
  } finally {
    await session.close();
    await opened.close();
  }
}

const output = createWriteStream(file);
for await (const chunk of which === 'apoc' ? apoc() : ours()) if (!output.write(chunk)) await once(output, 'drain');
output.end();
await once(output, 'close');
