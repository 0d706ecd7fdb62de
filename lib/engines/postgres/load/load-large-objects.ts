import { PassThrough } from 'node:stream';
import type { EngineContext } from '../../engine.ts';
import { type Connection, toolEnvironment } from '../connection.ts';
import { feedTool } from '../feed-tool.ts';
import type { ClientTools } from '../tools.ts';
import { restoreArguments, writeList } from './definitions.ts';

/** Takes blocks of large objects as the archive has them, as fast as they are loaded. */
export type LargeObjectLoader = { write(bytes: Buffer): Promise<void>; end(): Promise<void> };

/** Loads large objects by a pg_restore of their own, to which the archive is given anew with no other data. It starts with the first block. */
export function largeObjectLoader(
  context: EngineContext,
  options: {
    readonly connection: Connection;
    readonly tools: ClientTools;
    readonly database: string;
    readonly doing: string;
    /** The archive without its data, and which of its entries are large objects. */
    readonly head: Buffer;
    readonly dumpIds: readonly number[];
    readonly settings: Readonly<Record<string, string>>;
  },
): LargeObjectLoader {
  let loading: { readonly input: PassThrough; readonly loaded: Promise<void> } | undefined;

  async function begin() {
    const { connection, database, settings } = options;
    const env = await toolEnvironment(connection, { database, scratch: context.scratch, settings });
    const args = [...restoreArguments(await writeList(context, options.dumpIds)), `--dbname=${database}`];
    const input = new PassThrough({ highWaterMark: 1024 * 1024 });
    const loaded = feedTool({
      program: options.tools.pgRestore,
      tool: 'pg_restore',
      args,
      env,
      doing: options.doing,
      bytes: input,
      signal: context.signal,
    });
    // Looked at by whoever writes or ends.
    loaded.catch(() => {});
    const opened = { input, loaded };
    await give(opened, options.head);
    return opened;
  }
  async function give({ input, loaded }: NonNullable<typeof loading>, bytes: Buffer): Promise<void> {
    const written = new Promise<void>((resolve) => input.write(bytes, () => resolve()));
    await Promise.race([written, loaded]);
  }

  return {
    async write(bytes) {
      loading ??= await begin();
      await give(loading, bytes);
    },
    async end() {
      loading?.input.end();
      await loading?.loaded;
    },
  };
}
