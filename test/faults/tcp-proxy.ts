import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type TcpProxy = AsyncDisposable & {
  /** Give this to the client in place of the server's. */
  readonly port: number;
  /** How many bytes the server has sent since the last `reset`. */
  readonly bytes: number;
  /** Calls `action` once, as soon as the server has sent this many bytes. */
  at(bytes: number, action: () => void): void;
  /** No more bytes in either direction, on old connections or new ones, and every connection stays open. */
  stall(): void;
  /** Bytes flow again. */
  resume(): void;
  /** Breaks every connection. New ones are taken. */
  cut(): void;
  /** Breaks every connection, forgets actions and lets everything through. */
  reset(): void;
};

/** A proxy between clients and the server at `port` of 127.0.0.1: a network that can be made to fail. */
export async function tcpProxy(target: number): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let bytes = 0;
  let isStalled = false;
  let pending: { readonly at: number; readonly action: () => void } | undefined;

  function count(chunk: Buffer): void {
    bytes += chunk.length;
    if (pending === undefined || bytes < pending.at) return;
    const { action } = pending;
    pending = undefined;
    action();
  }

  function flow(from: Socket, to: Socket, seen: (chunk: Buffer) => void): void {
    from.on('data', (chunk: Buffer) => {
      seen(chunk);
      if (!to.write(chunk) || isStalled) from.pause();
    });
    to.on('drain', () => {
      if (!isStalled) from.resume();
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
    if (isStalled) from.pause();
  }

  const proxy = createServer((client) => {
    const server = connect(target, '127.0.0.1');
    const pair = [client, server] as const;
    pairs.add(pair);
    client.once('close', () => pairs.delete(pair));
    flow(client, server, () => {});
    flow(server, client, count);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');

  const each = (work: (socket: Socket) => void): void => {
    for (const pair of pairs) for (const socket of pair) work(socket);
  };
  const stall = (): void => {
    isStalled = true;
    each((socket) => socket.pause());
  };
  const resume = (): void => {
    isStalled = false;
    each((socket) => socket.resume());
  };
  const cut = (): void => each((socket) => socket.destroy());
  return {
    port: (proxy.address() as AddressInfo).port,
    get bytes() {
      return bytes;
    },
    at: (limit, action) => {
      pending = { at: bytes + limit, action };
    },
    stall,
    resume,
    cut,
    reset() {
      pending = undefined;
      bytes = 0;
      isStalled = false;
      cut();
    },
    async [Symbol.asyncDispose]() {
      cut();
      proxy.close();
      await once(proxy, 'close');
    },
  };
}
