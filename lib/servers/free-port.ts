import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { hasCode } from '../core/has-code.ts';

/**
 * Below what systems give out by themselves (Linux from 32768, `ip_local_port_range`; macOS and Windows from 49152, RFC 6335): a server needs
 * seconds until it listens, and nobody who asks for any port gets its own meanwhile. Below 20000, because a node of a Redis cluster listens 10000 above
 * its port as well.
 */
const range = [10_000, 20_000] as const;
const mostTries = 1000;

/** A TCP port of 127.0.0.1 that nothing listened on a moment ago. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < mostTries; tries++) {
    const port = drawPort();
    if (await canListen(port)) return port;
  }
  throw new Error(`of ${mostTries} ports from ${range[0]} to ${range[1] - 1} none was free`);
}

/** Any port that may be free. */
export const drawPort = (): number => randomInt(...range);

/** Whether nothing listens on the port of 127.0.0.1, and this process might. */
export async function canListen(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    if (hasCode(error, 'EADDRINUSE')) return false;
    throw error;
  }
  server.close();
  await once(server, 'close');
  return true;
}
