import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Transform } from 'node:stream';

/** What goes wrong with one request. Byte positions count from the beginning of the body concerned. */
export type Fault =
  /** The proxy answers by itself; the server never sees the request. */
  | { readonly kind: 'answer'; readonly status: number; readonly code: string }
  /** `200 OK` around an error, as S3 answers when a completion fails after it has sent its headers. */
  | { readonly kind: 'ok-with-error'; readonly code: string }
  /** The server does what it was asked to, and the connection breaks before its answer; `afterwards` is called in between. */
  | { readonly kind: 'lose-reply'; readonly afterwards?: () => void }
  /** No more bytes of the answer or of the request after `afterBytes`, and the connection stays open, or breaks after a while. */
  | {
      readonly kind: 'stall';
      readonly afterBytes: number;
      /** @default 'answer' */
      readonly side?: 'answer' | 'request';
      /** @default - never */
      readonly cutAfterMilliseconds?: number;
    }
  /** The connection breaks after `afterBytes` of the answer's or request's body. */
  | { readonly kind: 'cut'; readonly afterBytes: number; readonly side: 'answer' | 'request' }
  /** The answer is well-formed and has only the first `toBytes` bytes. */
  | { readonly kind: 'truncate'; readonly toBytes: number }
  /** One bit is another. */
  | { readonly kind: 'flip'; readonly atByte: number; readonly side: 'answer' | 'request' };

export type Passing = {
  readonly method: string;
  /** The S3 operation, as far as the suite tells them apart. */
  readonly operation: 'GetObject' | 'PutObject' | 'UploadPart' | 'CompleteMultipartUpload' | 'other';
  /** The object's path, the bucket included. */
  readonly path: string;
  /** How many requests of this operation came before. */
  readonly index: number;
};

export type FaultProxy = AsyncDisposable & {
  /** Give this to the client in place of the server's. */
  readonly endpoint: string;
  /** Decides for each request from now on. */
  inject(decide: (passing: Passing) => Fault | undefined): void;
  /** How many faults were injected since the last `inject`. */
  readonly injected: number;
};

/** A proxy between an S3 client and the server at `target`, which passes everything on until told otherwise. */
export async function faultProxy(target: string): Promise<FaultProxy> {
  let decide: (passing: Passing) => Fault | undefined = () => undefined;
  let injected = 0;
  const seen = new Map<string, number>();
  const server = createServer((request, response) => {
    const operation = operationOf(request);
    const index = seen.get(operation) ?? 0;
    seen.set(operation, index + 1);
    const { pathname } = new URL(request.url ?? '/', 'http://proxy');
    const fault = decide({ method: request.method ?? '', operation, index, path: decodeURIComponent(pathname) });
    if (fault !== undefined) injected += 1;
    pass(new URL(target), request, response, fault);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    inject(next) {
      decide = next;
      injected = 0;
      seen.clear();
    },
    get injected() {
      return injected;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** True for `share` of the calls, the same ones in every run. */
export function share(share: number): () => boolean {
  let state = 42;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32 < share;
  };
}

function pass(target: URL, request: IncomingMessage, response: ServerResponse, fault: Fault | undefined): void {
  if (fault?.kind === 'answer' || fault?.kind === 'ok-with-error') {
    request.resume();
    request.once('end', () => {
      const status = fault.kind === 'answer' ? fault.status : 200;
      response.writeHead(status, { 'content-type': 'application/xml' });
      const xml = `<Error><Code>${fault.code}</Code><Message>injected</Message></Error>`;
      response.end(`<?xml version="1.0" encoding="UTF-8"?>\n${xml}`);
    });
    return;
  }
  const { expect: _answeredHere, ...headers } = request.headers;
  // The client signed the proxy's host name: it has to reach the server unchanged.
  const onward = forward({
    host: target.hostname,
    port: target.port,
    method: request.method,
    path: request.url,
    headers,
    agent: false,
  });
  onward.once('error', () => response.destroy());
  response.once('close', () => onward.destroy());
  onward.once('response', (answer) => {
    if (fault?.kind === 'lose-reply') {
      answer.resume();
      answer.once('end', () => {
        fault.afterwards?.();
        response.destroy();
      });
      return;
    }
    const answerHeaders = { ...answer.headers };
    if (fault?.kind === 'truncate')
      answerHeaders['content-length'] = String(Math.min(fault.toBytes, Number(answer.headers['content-length'])));
    response.writeHead(answer.statusCode ?? 502, answerHeaders);
    answer.once('error', () => response.destroy());
    answer.pipe(damage(fault, 'answer', () => response.destroy())).pipe(response);
  });
  request
    .pipe(
      damage(fault, 'request', () => {
        onward.destroy();
        response.destroy();
      }),
    )
    .pipe(onward);
}

/** Passes bytes on, and does to them what `fault` says of this side. */
function damage(fault: Fault | undefined, side: 'answer' | 'request', cut: () => void): Transform {
  let position = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const start = position;
      position += chunk.length;
      if (fault?.kind === 'stall' && side === (fault.side ?? 'answer') && position > fault.afterBytes) {
        this.push(chunk.subarray(0, Math.max(0, fault.afterBytes - start)));
        if (fault.cutAfterMilliseconds !== undefined) setTimeout(cut, fault.cutAfterMilliseconds).unref();
        return; // Never done: nothing more comes, and nothing ends.
      }
      if (fault?.kind === 'cut' && fault.side === side && position > fault.afterBytes) {
        this.push(chunk.subarray(0, Math.max(0, fault.afterBytes - start)));
        setImmediate(cut);
        return;
      }
      if (fault?.kind === 'truncate' && side === 'answer') {
        done(null, chunk.subarray(0, Math.max(0, fault.toBytes - start)));
        return;
      }
      if (fault?.kind === 'flip' && fault.side === side && fault.atByte >= start && fault.atByte < position) {
        const flipped = Buffer.from(chunk);
        flipped.writeUInt8(flipped.readUInt8(fault.atByte - start) ^ 1, fault.atByte - start);
        done(null, flipped);
        return;
      }
      done(null, chunk);
    },
  });
}

function operationOf(request: IncomingMessage): Passing['operation'] {
  const { searchParams } = new URL(request.url ?? '/', 'http://proxy');
  if (request.method === 'PUT' && searchParams.has('partNumber')) return 'UploadPart';
  if (request.method === 'POST' && searchParams.has('uploadId')) return 'CompleteMultipartUpload';
  if (request.method === 'GET' && searchParams.get('x-id') === 'GetObject') return 'GetObject';
  if (request.method === 'PUT' && searchParams.get('x-id') === 'PutObject') return 'PutObject';
  return 'other';
}
