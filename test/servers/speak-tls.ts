import { chmodSync, chownSync, copyFileSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { Client } from 'pg';
import type { PostgresServer } from './postgres.ts';

const fixtures = path.join(import.meta.dirname, 'fixtures');

/** A certificate for the name `localhost`, signed by itself. */
export const localhostCertificate: string = readFileSync(path.join(fixtures, 'localhost.crt'), 'utf8');

/** Gives the running server that certificate; connections made from now on may use it. */
export async function speakTls(server: PostgresServer): Promise<void> {
  const { uid, gid } = statSync(server.dataDir);
  for (const file of ['localhost.crt', 'localhost.key']) {
    const copy = path.join(server.dataDir, file);
    copyFileSync(path.join(fixtures, file), copy);
    chmodSync(copy, 0o600);
    chownSync(copy, uid, gid);
  }
  const client = new Client({ connectionString: server.url('postgres') });
  await client.connect();
  await client.query("alter system set ssl_cert_file = 'localhost.crt'");
  await client.query("alter system set ssl_key_file = 'localhost.key'");
  await client.query('alter system set ssl = on');
  await client.end();
  await server.restart();
}
