import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { neo4jEngine } from '../../../lib/engines/neo4j/neo4j-engine.ts';
import { type Neo4jServer, neo4jServer } from '../../servers/neo4j.ts';
import { localhostCertificate } from '../../servers/speak-tls.ts';
import { contextFor } from './run-engine.ts';

const engine = neo4jEngine();
const fixtures = path.resolve(import.meta.dirname, '../../servers/fixtures');

suite('a Neo4j server that speaks TLS alone', { concurrency: false }, () => {
  let server: Neo4jServer;

  before(async () => {
    server = await neo4jServer({
      settings: {
        'server.bolt.tls_level': 'REQUIRED',
        'dbms.ssl.policy.bolt.enabled': 'true',
        'dbms.ssl.policy.bolt.base_directory': fixtures,
        'dbms.ssl.policy.bolt.public_certificate': 'localhost.crt',
        'dbms.ssl.policy.bolt.private_key': 'localhost.key',
      },
    });
  });
  after(() => server?.[Symbol.asyncDispose]());

  const probe = async (connection: Record<string, unknown>) => {
    using context = contextFor(server, { connection });
    return await engine.probe(context);
  };

  test('is reached by its name with the authority that signed its certificate, and by any with trust', async () => {
    const verified = await probe({ host: 'localhost', tls: 'verify', sslrootcert: localhostCertificate });
    const trusted = await probe({ tls: 'trust' });

    assert.deepEqual([verified.findings, trusted.findings], [[], []]);
  });

  test('is not reached when its certificate is of nobody known, or of another name', async () => {
    await assert.rejects(probe({ host: 'localhost', tls: 'verify' }), { code: 'auth-failed', message: /certificate/ });
    await assert.rejects(probe({ host: '127.0.0.1', tls: 'verify', sslrootcert: localhostCertificate }), {
      code: 'auth-failed',
      message: /certificate/,
    });
  });

  test('is not reached without TLS', async () => {
    await assert.rejects(probe({ tls: 'disable' }), (error: { code?: unknown }) =>
      ['source-unreachable', 'source-interrupted'].includes(String(error.code)),
    );
  });
});
