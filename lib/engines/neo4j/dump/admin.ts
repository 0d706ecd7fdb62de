import { javaEnvironment, programEnvironment } from '../../../config/program-folders.ts';
import type { ErrorCode } from '../../../core/error-table.ts';
import { HoldfastError } from '../../../core/errors.ts';
import { type Child, openChild } from '../../../runner/child.ts';
import { stopReason } from '../../stop-reason.ts';
import type { Neo4jTools } from '../tools.ts';

type Options = {
  readonly tools: Pick<Neo4jTools, 'neo4jAdmin'>;
  readonly args: readonly string[];
  readonly home: string;
  readonly conf: string;
  readonly signal: AbortSignal;
};

/** Starts neo4j-admin on a server's folders. */
export function openAdmin({ tools, args, home, conf, signal }: Options): Child {
  return openChild({
    program: tools.neo4jAdmin,
    args,
    env: {
      ...programEnvironment(),
      ...javaEnvironment(),
      NEO4J_HOME: home,
      NEO4J_CONF: conf,
      HOME: home,
      LC_ALL: 'C.UTF-8',
    },
    signal,
  });
}

/** Runs neo4j-admin to its end, and gives what it printed. Rejects when it ends with another code than 0. */
export async function runAdmin(
  options: Options & { readonly doing: string; readonly otherwise: ErrorCode },
): Promise<string> {
  const child = openAdmin(options);
  child.stdin.end();
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed = (printed + text).slice(-64 * 1024);
  });
  await requireSuccess(child, options);
  return printed;
}

/** Resolves when the tool has ended with 0; rejects with what it said. */
export async function requireSuccess(
  child: Child,
  { doing, otherwise, signal }: { readonly doing: string; readonly otherwise: ErrorCode; readonly signal: AbortSignal },
): Promise<void> {
  const end = await child.ended;
  if (signal.aborted) throw stopReason(signal, doing);
  if (end.code === 0) return;
  const said = lastWords(child.stderr());
  if (/in use|already locked|lock/i.test(said))
    throw new HoldfastError('source-busy', `${doing} failed: the database is in use`, {
      hint: "the server has to be stopped: the target's 'service' setting says how",
    });
  throw new HoldfastError(
    otherwise,
    `${doing} failed: neo4j-admin ended with ${end.code ?? end.signal}${said && `: ${said}`}`,
  );
}

/** The lines that say what went wrong; not those of progress, and not the stack of the program. */
function lastWords(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  return lines
    .filter((line) => line !== '' && !/^(Files: |Done: |at |\.\.\. |\d{4}-\d\d-\d\d .* INFO )/.test(line))
    .slice(-4)
    .join('; ')
    .slice(0, 500);
}
