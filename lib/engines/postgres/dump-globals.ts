import { createHash } from 'node:crypto';
import { HoldfastError } from '../../core/errors.ts';
import type { Content } from '../../core/manifest.ts';
import type { CaptureStream, EngineContext } from '../engine.ts';
import { type Connection, toolEnvironment } from './connection.ts';
import { dumpLimits } from './dump-limits.ts';
import { globalsFormat } from './formats/formats.ts';
import type { Server } from './server.ts';
import { splitStatements } from './sql-script.ts';
import { toolOutput } from './tool-output.ts';
import type { ClientTools } from './tools.ts';

/** The very last bytes that pg_dumpall 13 to 18 writes. */
const trailer = '\n--\n-- PostgreSQL database cluster dump complete\n--\n\n';
const limitBytes = 256 * 1024 * 1024;

/** Gathers a globals script as its bytes pass: it is small (some 300 bytes a role), and checked as a whole. */
export class GlobalsInspector {
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  write(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    if (this.#bytes > limitBytes)
      throw new HoldfastError('corrupt', `the globals are longer than ${limitBytes} bytes, which no cluster's are`);
    this.#chunks.push(Buffer.from(chunk));
  }

  /** The whole script. Throws `dump-incomplete` unless it ends with pg_dumpall's own last line. */
  script(): string {
    const text = Buffer.concat(this.#chunks).toString('utf8');
    if (!text.endsWith(trailer))
      throw new HoldfastError('dump-incomplete', "the globals do not end with the dump tool's own last line");
    return text;
  }

  end(): Content {
    const statements = splitStatements(this.script()).filter((statement) => !/^SET /.test(statement));
    const counts: Record<string, number> = {};
    for (const statement of statements) {
      const kind = /^(?:CREATE|ALTER|COMMENT ON|SECURITY LABEL FOR) [A-Z]+|^[A-Z]+/.exec(statement)?.[0] ?? 'OTHER';
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
    // The password verifiers stay out of the digest, so that a manifest gives nothing to guess against.
    const lines = statements.map((statement) => statement.replace(/ PASSWORD '[^']*'/, '')).sort();
    const digest = createHash('sha256').update(lines.join('\n')).digest('hex');
    return { tables: [], definitions: { counts, digest } };
  }
}

/** The stream of roles, memberships, tablespaces and settings of the whole cluster. */
export function captureGlobals(
  context: EngineContext,
  options: {
    readonly connection: Connection;
    /** A database that takes connections; any will do. */
    readonly database: string;
    readonly tools: ClientTools;
    readonly server: Server;
  },
): CaptureStream {
  const { connection, tools, server } = options;
  return {
    stream: 'globals',
    kind: 'globals',
    name: 'globals',
    format: globalsFormat,
    expectedBytes: 4096,
    async open() {
      const inspector = new GlobalsInspector();
      let content: Content | undefined;
      const env = await toolEnvironment(connection, {
        database: options.database,
        scratch: context.scratch,
      });
      // pg_dumpall takes its database as an argument only, which may be a connection string; so it is given as one.
      const database = options.database.replaceAll(/[\\']/g, '\\$&');
      const bytes = toolOutput({
        program: tools.pgDumpall,
        tool: 'pg_dumpall',
        args: [
          '--globals-only',
          '--no-password',
          `--database=dbname='${database}'`,
          `--lock-wait-timeout=${dumpLimits(context).lockTimeoutSeconds * 1000}`,
          ...(server.readsRolePasswords ? [] : ['--no-role-passwords']),
        ],
        env,
        doing: "the dump of the cluster's globals",
        signal: context.signal,
        check: {
          write: (chunk) => inspector.write(chunk),
          end: () => {
            content = inspector.end();
          },
        },
      });
      return {
        bytes,
        result: () => ({
          content,
          facts: {
            major: server.major,
            serverVersion: server.version,
            toolVersion: tools.version,
            hasRolePasswords: server.readsRolePasswords,
          },
        }),
      };
    },
  };
}
