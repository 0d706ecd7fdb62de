import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, getCACertificates } from 'node:tls';
import * as z from 'zod';
import { redisConnectionSchema } from '../../config/targets/redis.ts';
import { HoldfastError } from '../../core/errors.ts';
import { fromSocketError } from './errors.ts';

/**
 * The target's connection section with its password resolved. A server of our own is reached by `socketPath`. One that owes an answer and says
 * nothing for `silenceSeconds` is given up.
 */
export const connectionSchema = redisConnectionSchema.extend({
  password: z.string().optional(),
  socketPath: z.string().optional(),
  silenceSeconds: z.number().positive().default(90),
});
export type Connection = z.infer<typeof connectionSchema>;

/** The connection that an engine context carries. Throws `config-invalid` with every problem; values are not repeated. */
export function parseConnection(value: unknown): Connection {
  const parsed = connectionSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new HoldfastError('config-invalid', `the redis connection is not valid: ${z.prettifyError(parsed.error)}`);
}

/** How messages call the server. */
export const addressOf = ({ host, port, socketPath }: Connection): string =>
  socketPath === undefined ? `the server at '${host}:${port}'` : `the server at '${socketPath}'`;

const connectTimeoutMs = 15_000;

/** An open socket, encrypted as the connection says, on which nothing was said yet. */
export async function openSocket(connection: Connection): Promise<Socket> {
  const socket = await begin(connection);
  const event = 'encrypted' in socket ? 'secureConnect' : 'connect';
  try {
    await once(socket, event, { signal: AbortSignal.timeout(connectTimeoutMs) });
  } catch (error) {
    // A server without TLS takes the greeting for the beginning of a command, and waits for the rest.
    const isLate = error instanceof Error && error.name === 'AbortError';
    const isDeaf = isLate && 'encrypted' in socket && !socket.connecting;
    socket.destroy();
    if (!isDeaf) throw fromSocketError(error, addressOf(connection));
    throw new HoldfastError('source-unreachable', `${addressOf(connection)}: it does not answer in TLS`, {
      cause: error,
      hint: "if it has no TLS: sslmode 'disable' connects without",
    });
  }
  socket.setNoDelay(true);
  // A peer that is gone without a word is found out after a while, behind a NAT gateway too.
  socket.setKeepAlive(true, 60_000);
  return socket;
}

async function begin(connection: Connection): Promise<Socket> {
  const { host, port, sslmode, socketPath } = connection;
  if (socketPath !== undefined) return connectTcp({ path: socketPath });
  if (sslmode === 'disable') return connectTcp({ host, port });
  return connectTls({
    host,
    port,
    servername: isAddress(host) ? undefined : host,
    ...(sslmode === 'require' ? { rejectUnauthorized: false } : { ca: await rootCertificates(connection) }),
    // `verify-ca` asks for the authority only.
    ...(sslmode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
  });
}

const isAddress = (host: string): boolean => /^[\d.]+$|:/.test(host);

async function rootCertificates({ sslrootcert }: Connection): Promise<string | string[]> {
  if (sslrootcert === undefined || sslrootcert === 'system')
    return [...getCACertificates('bundled'), ...getCACertificates('system')];
  // The loader of the configuration puts the file's text in its place.
  if (sslrootcert.includes('-----BEGIN')) return sslrootcert;
  try {
    return await readFile(sslrootcert, 'utf8');
  } catch (cause) {
    throw new HoldfastError('config-invalid', `sslrootcert '${sslrootcert}' cannot be read`, { cause });
  }
}
