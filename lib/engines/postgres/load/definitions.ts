import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { openChild } from '../../../runner/child.ts';
import type { EngineContext } from '../../engine.ts';
import { type Connection, toolEnvironment } from '../connection.ts';
import { fromTool } from '../errors.ts';
import { feedTool } from '../feed-tool.ts';
import type { ClientTools } from '../tools.ts';

type Options = {
  readonly tools: ClientTools;
  /** The archive without its data, and without the entries of tables' rows. */
  readonly archive: Buffer;
  readonly doing: string;
};

/** What pg_restore makes of an archive's table of contents, for lists of its entries. */
export type Definitions = {
  /** Makes them in the database, with so many sessions side by side. */
  run(
    dumpIds: readonly number[],
    into: { readonly connection: Connection; readonly database: string } & Run,
  ): Promise<void>;
  /** The statements that would make them. */
  text(dumpIds: readonly number[]): Promise<string>;
};
type Run = { readonly jobs: number; readonly settings: Readonly<Record<string, string>> };

/** Writes the table of contents into the scratch folder; definitions are made from there. */
export async function definitionsOf(context: EngineContext, { tools, archive, doing }: Options): Promise<Definitions> {
  const file = path.join(context.scratch, `contents-${randomBytes(6).toString('hex')}`);
  await writeFile(file, archive, { mode: 0o600 });
  return {
    async run(dumpIds, { connection, database, jobs, settings }) {
      if (dumpIds.length === 0) return;
      const env = await toolEnvironment(connection, { database, scratch: context.scratch, settings });
      const list = await writeList(context, dumpIds);
      await feedTool({
        program: tools.pgRestore,
        tool: 'pg_restore',
        args: [...restoreArguments(list), `--dbname=${database}`, `--jobs=${jobs}`, file],
        env,
        doing,
        bytes: nothing(),
        signal: context.signal,
      });
    },
    async text(dumpIds) {
      if (dumpIds.length === 0) return '';
      const args = [...restoreArguments(await writeList(context, dumpIds)), '--file=-', file];
      const child = openChild({ program: tools.pgRestore, args, env: { LC_ALL: 'C' }, signal: context.signal });
      try {
        child.stdin.end();
        const chunks: Buffer[] = [];
        for await (const chunk of child.stdout) chunks.push(chunk as Buffer);
        const end = await child.ended;
        if (end.code !== 0)
          throw fromTool({ tool: 'pg_restore', doing, end, stderr: child.stderr(), otherwise: 'restore-failed' });
        // The guard against commands of psql is psql's own; a server does not know it, nor any such command.
        return Buffer.concat(chunks)
          .toString('utf8')
          .replaceAll(/^\\(?:un)?restrict [A-Za-z0-9]+$/gm, '');
      } finally {
        await child.stop();
      }
    },
  };
}

/** The arguments with which pg_restore takes the entries of a list. */
export const restoreArguments = (list: string): string[] => [
  '--format=custom',
  '--exit-on-error',
  '--no-password',
  `--use-list=${list}`,
];

/** A file that names the entries, for `--use-list`. */
export async function writeList(context: EngineContext, dumpIds: readonly number[]): Promise<string> {
  const list = path.join(context.scratch, `entries-${randomBytes(6).toString('hex')}`);
  await writeFile(list, dumpIds.map((dumpId) => `${dumpId};\n`).join(''), { mode: 0o600 });
  return list;
}

async function* nothing(): AsyncGenerator<Uint8Array, void> {}
