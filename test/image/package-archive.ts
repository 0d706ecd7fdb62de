import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import { ensureDebianPrograms } from '../../scripts/servers/debian-programs.ts';
import { controlOf, type PackageKind, packagedMajors, writePackages } from './stand-in-packages.ts';

const execute = promisify(execFile);
const archiveHost = 'apt.postgresql.org';
const keyHost = 'www.postgresql.org';

/** The PostgreSQL project's package archive, as far as a build of the task image asks for it. */
export type PackageArchive = AsyncDisposable & {
  /** What a build is to take for `https_proxy`: leads the archive's host names here, and all others where they belong. */
  readonly proxy: string;
  /** The certificate of the stand-in's servers, in PEM. */
  readonly certificateFile: string;
};

/**
 * Starts a stand-in of the archive on this machine, signed with a key of its own; what uses it goes through TLS, signature and digests as
 * with the real one. Ended and removed by disposing it.
 */
export async function packageArchive(kind: PackageKind): Promise<PackageArchive> {
  await ensureDebianPrograms({ gpg: 'gnupg', openssl: 'openssl' }, (line) => console.error(line));
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-archive-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const architecture = (await execute('dpkg', ['--print-architecture'])).stdout.trim();
    const pool = path.join(folder, 'pool');
    await mkdir(pool);
    await writePackages(pool, architecture, kind);
    const index = await indexOf(pool, architecture, kind);
    const release = releaseOf(index, architecture);
    const { publicKey, signed } = await sign(folder, release);
    const suite = '/pub/repos/apt/dists/bookworm-pgdg';
    const pages: ReadonlyMap<string, string> = new Map([
      [`https://${keyHost}/media/keys/ACCC4CF8.asc`, publicKey],
      [`https://${archiveHost}${suite}/InRelease`, signed],
      [`https://${archiveHost}${suite}/main/binary-${architecture}/Packages`, index],
    ]);
    const certificate = await makeCertificate(folder);
    const proxy = await serve(certificate, async (url) => {
      const page = pages.get(url);
      if (page !== undefined) return page;
      const file = /\/pub\/repos\/apt\/pool\/(postgresql-(?:client-)?\d+\.deb)$/.exec(url)?.[1];
      return file === undefined ? undefined : readFile(path.join(pool, file));
    });
    return {
      proxy: `http://127.0.0.1:${proxy.port}`,
      certificateFile: certificate.certificateFile,
      async [Symbol.asyncDispose]() {
        await proxy.close();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

async function indexOf(pool: string, architecture: string, kind: PackageKind): Promise<string> {
  const entries = packagedMajors.map(async (major) => {
    const name = `${kind}-${major}.deb`;
    const bytes = await readFile(path.join(pool, name));
    return `${controlOf(major, architecture, kind)}Filename: pool/${name}\nSize: ${bytes.length}\nSHA256: ${sha256(bytes)}\n`;
  });
  return (await Promise.all(entries)).join('\n');
}

const releaseOf = (index: string, architecture: string): string => `Origin: stand-in of ${archiveHost}
Suite: bookworm-pgdg
Codename: bookworm-pgdg
Date: ${new Date().toUTCString().replace('GMT', 'UTC')}
Architectures: ${architecture}
Components: main
SHA256:
 ${sha256(Buffer.from(index))} ${Buffer.byteLength(index)} main/binary-${architecture}/Packages
`;

async function sign(folder: string, text: string): Promise<{ readonly publicKey: string; readonly signed: string }> {
  const home = path.join(folder, 'gnupg');
  await mkdir(home, { mode: 0o700 });
  const file = path.join(folder, 'Release');
  await writeFile(file, text);
  const gpg = async (...args: string[]): Promise<string> =>
    (await execute('gpg', ['--homedir', home, '--batch', '--quiet', '--passphrase', '', ...args])).stdout;
  try {
    await gpg('--quick-generate-key', 'stand-in', 'ed25519', 'sign', '1d');
    return { publicKey: await gpg('--armor', '--export'), signed: await gpg('--clearsign', '--output', '-', file) };
  } finally {
    await execute('gpgconf', ['--homedir', home, '--kill', 'all']);
  }
}

type Certificate = { readonly certificateFile: string; readonly keyFile: string };

async function makeCertificate(folder: string): Promise<Certificate> {
  const certificateFile = path.join(folder, 'certificate.pem');
  const keyFile = path.join(folder, 'key.pem');
  await execute('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=stand-in', '-addext', `subjectAltName=DNS:${archiveHost},DNS:${keyHost}`],
    ...['-keyout', keyFile, '-out', certificateFile],
  ]);
  return { certificateFile, keyFile };
}

type Answer = (url: string) => Promise<string | Buffer | undefined>;

/** A proxy for HTTPS on any port that answers for the archive's hosts itself. */
async function serve(
  { certificateFile, keyFile }: Certificate,
  answer: Answer,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const content = await answer(`https://${request.headers.host}${request.url}`);
    response.writeHead(content === undefined ? 404 : 200, { 'content-type': 'application/octet-stream' }).end(content);
  };
  const secure = createServer(
    { cert: await readFile(certificateFile), key: await readFile(keyFile) },
    (request, response) => {
      respond(request, response).catch((error: Error) => response.destroy(error));
    },
  );
  const sockets = new Set<Duplex>();
  const proxy = createPlainServer().on('connect', (request: IncomingMessage, socket: Duplex) => {
    sockets.add(socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket)));
    const { hostname, port } = new URL(`https://${request.url}`);
    const accepted = 'HTTP/1.1 200 Connection established\r\n\r\n';
    if (hostname === archiveHost || hostname === keyHost) {
      socket.write(accepted);
      secure.emit('connection', socket);
      return;
    }
    const onward = connect(Number(port || 443), hostname, () => {
      socket.write(accepted);
      socket.pipe(onward).pipe(socket);
    });
    onward.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    port: (proxy.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
