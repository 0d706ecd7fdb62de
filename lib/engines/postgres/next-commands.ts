import { escapeIdentifier } from 'pg';
import { quoted } from '../../core/shell-quoted.ts';
import type { RestoredCopy } from '../engine.ts';

/** A port on which no server listens as a rule, to look at a copy before it takes its source's place. */
const portToLook = 5433;

/** What to type next: to look at a copy, and to put it into its source's place. */
export function nextCommands({ target, folder, parts, server }: RestoredCopy): readonly string[] {
  if (folder !== undefined)
    return [
      `pg_ctl --pgdata ${quoted(folder)} --wait start --options '-c port=${portToLook}'`,
      `psql --port ${portToLook} --dbname postgres --command 'alter system reset archive_mode'`,
      `pg_ctl --pgdata ${quoted(folder)} --mode fast --wait stop`,
      `holdfast backup ${target} --method base`,
    ];
  const psql = ['psql', server.host && `--host ${quoted(server.host)}`, server.port && `--port ${server.port}`]
    .filter(Boolean)
    .join(' ');
  return parts.flatMap(({ from, to }) => {
    const look = `${psql} --dbname ${quoted(to)}`;
    if (from === to) return [look];
    const swap = `alter database ${escapeIdentifier(from)} rename to ${escapeIdentifier(`${from}_before`)}; alter database ${escapeIdentifier(to)} rename to ${escapeIdentifier(from)}`;
    return [look, `${psql} --dbname postgres --command ${quoted(swap)}`];
  });
}
