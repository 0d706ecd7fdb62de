import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type { Format, Method } from '../../lib/core/vocabulary.ts';
import { ensureDebianPrograms } from '../../scripts/servers/debian-programs.ts';
import { ensurePythonPackages } from '../../scripts/servers/python-packages.ts';
import { openInstallation } from '../conformance/installation.ts';
import { type Neo4jServer, neo4jServer } from '../servers/neo4j.ts';

const document = await readFile(new URL('../../docs/restore-without-holdfast.md', import.meta.url), 'utf8');

/** The steps of every engine, the first of which the reader fills in, and those of Neo4j that are for the format. */
function commandsFor(format: Format): readonly string[] {
  const blocksOf = (text: string, isWanted: (words: readonly string[]) => boolean): string[] =>
    [...text.matchAll(/^```sh( [a-z0-9 ]+)?\n([\s\S]*?)^```$/gm)].flatMap(([, words = '', block = '']) =>
      isWanted(words.trim().split(' ')) ? [block] : [],
    );
  const common = document.slice(0, document.indexOf('## 5.'));
  const own = document.slice(document.indexOf('## Neo4j'));
  return [...blocksOf(common, ([word]) => word === ''), ...blocksOf(own, (words) => words.includes(format))];
}

let venv: string;
/** Backed up, and then emptied for what the reader of the document puts back. */
let server: Neo4jServer;

before(async () => {
  await ensureDebianPrograms({ jq: 'jq', zstd: 'zstd', openssl: 'openssl' }, (line) => console.error(line));
  const packages = /pip install --quiet (.+)/.exec(document)?.[1]?.split(' ') ?? [];
  venv = await ensurePythonPackages(packages, (line) => console.error(line));
  server = await neo4jServer();
  await fill(server);
});
after(() => server?.[Symbol.asyncDispose]());

/** Backs the server up, empties it, and follows the document; resolves with what the commands printed. */
async function follow(
  kind: { readonly method: Method; readonly format: Format },
  empty: () => Promise<void>,
): Promise<string> {
  process.env['HOLDFAST_NEO4J_BIN'] = server.binDir;
  process.env['NEO4J_PASSWORD'] = server.password;
  const targets = `  - name: source
    engine: neo4j
    home: ${server.home}
    connection: { host: 127.0.0.1, port: ${server.port}, tls: disable, password: { env: NEO4J_PASSWORD } }
`;
  await using installation = await openInstallation({ algorithm: 'aes-256-gcm', targets });
  const manifest = await installation.backUp({ ...kind, execution: 'document' });
  await empty();
  const folder = path.dirname(installation.configFile);
  const work = path.join(folder, 'work');
  await mkdir(work);
  await symlink(venv, path.join(work, 'venv'));
  const values: Readonly<Record<string, string>> = {
    STORE: path.join(folder, 'vault'),
    TARGET: manifest.target,
    BACKUP: manifest.backupId,
    KEY_FILE: path.join(folder, 'holdfast.key'),
    WORK: work,
    NEO4J_ADDRESS: server.uri,
    NEO4J_PASSWORD: server.password,
    NEO4J_HOME: server.home,
  };
  const filledIn = commandsFor(kind.format)
    .join('\n')
    .replaceAll(/^((?:export )?)((?:\b[A-Z0-9_]+=\S+ ?)+)/gm, (_, begin: string, settings: string) => {
      const each = settings.replaceAll(/([A-Z0-9_]+)=\S+/g, (setting, name: string) =>
        values[name] === undefined ? setting : `${name}='${values[name].replaceAll("'", "'\\''")}'`,
      );
      return `${begin}${each}`;
    });
  const script = path.join(folder, 'follow.sh');
  await writeFile(script, filledIn);
  const { stdout, stderr } = await promisify(execFile)('bash', ['-euo', 'pipefail', script], {
    env: {
      PATH: `${server.binDir}:${process.env['PATH']}`,
      HOME: folder,
      LC_ALL: 'C.UTF-8',
      PIP_NO_INDEX: '1',
      PIP_DISABLE_PIP_VERSION_CHECK: '1',
    },
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout + stderr;
}

async function fill(server: Neo4jServer): Promise<void> {
  await server.run('CREATE CONSTRAINT item_id FOR (n:Item) REQUIRE n.id IS UNIQUE');
  await server.run(
    'UNWIND range(1, 300) AS id CREATE (:Item {id: id, text: "it\'s item " + id, at: datetime.realtime()})',
  );
  await server.run('MATCH (a:Item), (b:Item {id: a.id % 300 + 1}) CREATE (a)-[:NEXT {n: a.id}]->(b)');
}

test('a script fills an empty server by cypher-shell', async () => {
  const printed = await follow({ method: 'logical', format: 'cypher' }, () => server.clear());

  assert.doesNotMatch(printed, /STOP|DIFFERS/);
  assert.match(printed, /^source \S+: complete, ended \S+, Neo4j 5\.26\.30$/m);
  assert.match(printed, /^300 of kind node, as backed up$/m);
  assert.match(printed, /^300 of kind relationship, as backed up$/m);
  assert.deepEqual(await server.run('MATCH (n:Item {id: 7})-[r]->(m) RETURN n.text, r.n, m.id'), [
    ["it's item 7", 7n, 8n],
  ]);
  assert.deepEqual(await server.run('SHOW CONSTRAINTS YIELD name RETURN name'), [['item_id']]);
});

test('a dump of a server that is stopped is proved and loaded by neo4j-admin', async () => {
  await server.stop();

  const printed = await follow({ method: 'dump', format: 'dump' }, async () => {
    for (const folder of ['databases', 'transactions'])
      await rm(path.join(server.home, 'data', folder, 'neo4j'), { recursive: true });
  });
  await server.start();

  assert.doesNotMatch(printed, /STOP|DIFFERS/);
  assert.match(printed, /^the dump is consistent$/m);
  assert.match(printed, /^loaded$/m);
  assert.deepEqual(await server.run('MATCH (n:Item) RETURN count(n)'), [[300n]]);
});
