import { execFile } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { Socket } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { HoldfastError } from '../../../core/errors.ts';
import type { ServerAccount } from '../../../servers/server-account.ts';
import type { LogReader } from '../../engine.ts';
import { FileWrites } from './file-writes.ts';
import { type TablespaceCreation, TablespaceCreations } from './tablespace-creations.ts';

/** Gives a recovering server the segments of a log, fetched ahead of it. */
export type LogFeed = AsyncDisposable & {
  /** The server's `restore_command`. */
  readonly command: string;
  /** What kept a segment from being given to the server; undefined while nothing has. */
  failure(): unknown;
};

/** Exit codes above 125 end the recovery; others say that there is no such file, which may be as it should. */
const noMore = 200;
const historyPattern = /^([0-9A-F]{8})\.history$/;

/**
 * What the server runs for each file of the log. One that has been fetched ahead costs a change of names. For any other it asks this process, by
 * one pipe, and waits for the answer at another: nothing is polled, and no program is started but the shell and `mv`.
 */
const script = `#!/bin/sh
cd "\${0%/*}" || exit ${noMore}
if [ -e "files/$1" ]; then
  mv -f "files/$1" "$2" || exit ${noMore}
  echo "took $1" > asked
  exit 0
fi
echo "want $1" > asked
IFS= read -r answer < answer
case $answer in
  there) mv -f "files/$1" "$2" || exit ${noMore}; echo "took $1" > asked; exit 0 ;;
  none) exit 1 ;;
  *) exit ${noMore} ;;
esac
`;

/**
 * Prepares the feed in an empty folder, which has to be on the file system of the data directory. `names` are the segments that the recovery reads, in
 * order: as many as `ahead` are fetched before they are asked for. Timeline histories are given as they are asked for. The caller disposes it after the server
 * has ended.
 */
export async function openLogFeed(options: {
  readonly folder: string;
  /** The data directory: the server names places within it. */
  readonly data: string;
  readonly account: ServerAccount | undefined;
  readonly log: Pick<LogReader, 'read' | 'history'>;
  readonly names: readonly string[];
  readonly ahead: number;
  readonly onTaken: (name: string, count: number) => void;
  readonly signal: AbortSignal;
}): Promise<LogFeed> {
  const { folder, account, log, names } = options;
  const files = path.join(folder, 'files');
  const command = path.join(folder, 'fetch.sh');
  const pipes = { asked: path.join(folder, 'asked'), answer: path.join(folder, 'answer') };
  mkdirSync(files, { mode: 0o700 });
  writeFileSync(command, script);
  chmodSync(command, 0o700);
  await promisify(execFile)('mkfifo', ['-m', '600', pipes.asked, pipes.answer]);
  if (account) for (const one of [files, command, pipes.asked, pipes.answer]) chownSync(one, account.uid, account.gid);

  const stop = new AbortController();
  const places = new Map(names.map((name, index) => [name, index]));
  const fetching = new Map<string, Promise<void>>();
  let failure: unknown;
  let next = 0;

  const fetch = (name: string): Promise<void> => {
    const known = fetching.get(name);
    if (known) return known;
    const one = fetchFile(log.read(name), { files, name, account, signal: stop.signal });
    // Whoever asks for it is told.
    one.catch(() => {});
    fetching.set(name, one);
    return one;
  };
  /** Keeps as many on their way as there is room for. */
  const goAhead = (): void => {
    while (next < names.length && fetching.size < options.ahead) fetch(names[next++] as string);
  };
  const answerTo = async (name: string): Promise<'there' | 'none' | 'failed'> => {
    try {
      if (places.has(name)) await fetch(name);
      else {
        const [, timeline] = historyPattern.exec(name) ?? [];
        const history = timeline === undefined ? undefined : await log.history(Number.parseInt(timeline, 16));
        if (history === undefined) return 'none';
        await fetchFile(textOf(history), { files, name, account, signal: stop.signal });
      }
      return 'there';
    } catch (error) {
      failure ??= error;
      return 'failed';
    }
  };

  // Opened for both directions, so that neither end ever waits for the other to open it, or finds it closed.
  const asked = new Socket({ fd: openSync(pipes.asked, 'r+'), readable: true, writable: false });
  const answer = openSync(pipes.answer, 'r+');
  // A server that waits is no reason for this process to stay.
  asked.unref();
  asked.on('error', () => {});
  createInterface({ input: asked }).on('line', (line) => {
    const [verb, name = ''] = line.split(' ');
    if (verb === 'took') {
      const place = places.get(name);
      if (place === undefined) return;
      // It may be wanted once more: the one with the checkpoint is read first, and a server that is started again begins where it was.
      fetching.delete(name);
      next = Math.max(next, place + 1);
      options.onTaken(name, place + 1);
      goAhead();
      return;
    }
    void answerTo(name).then((word) => {
      if (!stop.signal.aborted) writeSync(answer, `${word}\n`);
    });
  });
  const abort = (): void => stop.abort(options.signal.reason);
  options.signal.addEventListener('abort', abort, { once: true });
  goAhead();
  return {
    command: `${quoted(command)} %f ${quoted(options.data)}/%p`,
    failure: () => failure,
    async [Symbol.asyncDispose]() {
      options.signal.removeEventListener('abort', abort);
      stop.abort(new Error('the recovery has ended'));
      asked.destroy();
      closeSync(answer);
      await Promise.allSettled(fetching.values());
    },
  };
}

async function* textOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/**
 * The server makes the tablespace in that folder, which has to be there, and takes whatever is in it for its own: the source's files, where this
 * is the source's machine.
 */
function requireEmpty({ oid, location }: TablespaceCreation, name: string): void {
  const found = existsSync(location) ? (isEmpty(location) ? undefined : 'is in use') : 'is not there';
  if (found === undefined) return;
  throw new HoldfastError(
    'preflight-failed',
    `segment '${name}' of the log creates tablespace ${oid} at '${location}', and that folder ${found} here`,
    {
      hint: 'recover where it is there and empty, or to a point before, or from a base backup that was taken after the tablespace was made',
    },
  );
}

function isEmpty(folder: string): boolean {
  try {
    return readdirSync(folder).length === 0;
  } catch {
    return false;
  }
}

/** Whole under its own name, or not there. */
async function fetchFile(
  bytes: AsyncIterable<Uint8Array>,
  {
    files,
    name,
    account,
    signal,
  }: {
    readonly files: string;
    readonly name: string;
    readonly account: ServerAccount | undefined;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const partial = path.join(files, `${name}.partial`);
  const writes = new FileWrites(account);
  const file = writes.open(partial, 'w', 0o600);
  const creations = new TablespaceCreations();
  let at = 0;
  try {
    for await (const chunk of bytes) {
      signal.throwIfAborted();
      creations.write(chunk);
      writes.write(file, chunk, at);
      at += chunk.length;
      await writes.passed(chunk);
    }
    creations.end();
    for (const creation of creations.found) requireEmpty(creation, name);
  } catch (error) {
    await writes.settle().catch(() => undefined);
    throw error;
  } finally {
    writes.end(file);
  }
  await writes.settle();
  renameSync(partial, path.join(files, name));
}

/** As one word of a shell; a `%` would be the server's. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''").replaceAll('%', '%%')}'`;
