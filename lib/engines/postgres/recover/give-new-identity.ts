import { randomInt } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { HoldfastError } from '../../../core/errors.ts';
import type { EngineContext } from '../../engine.ts';
import { withSystemIdentifier } from '../base/contents/control-file.ts';
import { inDatabase } from '../in-database.ts';
import type { ServerPrograms } from '../server-programs.ts';
import type { DataFolder } from './data-folder.ts';
import type { RecoveryServer } from './recovery-server.ts';
import { runProgram } from './run-program.ts';

/** The server's own program that begins a cluster's WAL anew. Throws `tool-missing`. */
export function findResetProgram({ postgres, major }: ServerPrograms): string {
  const program = path.join(path.dirname(postgres), 'pg_resetwal');
  if (existsSync(program)) return program;
  throw new HoldfastError('tool-missing', `'${program}' is not there, without which a cluster gets no new identity`, {
    hint: `install the server's package whole (on Debian and Ubuntu: sudo apt-get install postgresql-${major}), or leave --new-identity out`,
  });
}

/**
 * Gives a promoted cluster, whose server was stopped in order, a system identifier of its own, as `pg_createsubscriber` does: from then on it is
 * no copy of its source, but a server like any other that `initdb` made. Resolves with the identifier that its server says it has, stopped again.
 *
 * Invariant: the folder is marked as incomplete all the while. In order: the identifier in `pg_control`, on the disk; new WAL that bears it, after
 * which the old is gone; a start of the server, which reads both. A crash after the first leaves a cluster that does not start, since its WAL
 * is another's, a crash after the others one that does; either is marked, and the next restore into the folder clears it away.
 */
export async function giveNewIdentity(
  context: Pick<EngineContext, 'progress'>,
  {
    resetProgram,
    data,
    server,
  }: { readonly resetProgram: string; readonly data: DataFolder; readonly server: RecoveryServer },
): Promise<string> {
  context.progress({ phase: 'identity' });
  const identifier = newSystemIdentifier(Date.now());
  const control = path.join(data.path, 'global', 'pg_control');
  writeFileSync(control, withSystemIdentifier(readFileSync(control), identifier), { flag: 'r+', flush: true });

  // It refuses what was not stopped in order, and goes on after the last position of the WAL that was there.
  const { code, stdout, stderr } = await runProgram({
    program: resetProgram,
    args: ['--pgdata', data.path],
    account: data.account,
  });
  if (code !== 0)
    throw new HoldfastError('restore-failed', `pg_resetwal ended with ${code}: ${(stderr || stdout).slice(-500)}`);

  await server.start();
  const found = await identifierSaidBy(server);
  await server.stop();
  if (found !== identifier.toString())
    throw new HoldfastError(
      'restore-failed',
      `the cluster was to be system ${identifier}, and says that it is ${found}`,
    );
  return found;
}

/**
 * As `initdb` makes them: the seconds, 20 bits of microseconds, and 12 bits that tell apart what began in the same one. Those are of the process
 * there; in containers many processes have the same number, so here chance has them, and the microseconds that the clock does not know.
 */
const newSystemIdentifier = (now: number): bigint =>
  (BigInt(Math.floor(now / 1000)) << 32n) |
  (BigInt((now % 1000) * 1000 + randomInt(1000)) << 12n) |
  BigInt(randomInt(4096));

const identifierSaidBy = async (server: RecoveryServer): Promise<string | undefined> =>
  inDatabase(await server.connection(), 'template1', async (client) => {
    const { rows } = await client.query<{ identifier: string }>(
      'select system_identifier::text as identifier from pg_control_system()',
    );
    return rows[0]?.identifier;
  });
