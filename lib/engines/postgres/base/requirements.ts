import type { Client } from 'pg';
import type { ErrorCode } from '../../../core/error-table.ts';
import { HoldfastError } from '../../../core/errors.ts';
import type { Method } from '../../../core/vocabulary.ts';
import type { Probe } from '../../engine.ts';
import type { Connection } from '../connection.ts';
import { fromBaseBackup } from '../errors.ts';
import { connectForReplication } from '../replication/replication-session.ts';
import { blocksSince } from './wal-range/range-slot.ts';

type Finding = Probe['findings'][number];
/** `code`: what a run fails with that meets it. */
type BaseFinding = Finding & { readonly code?: ErrorCode };

type Settings = {
  readonly user: string;
  readonly mayReplicate: boolean;
  readonly walLevel: string;
  readonly maxSenders: number;
  readonly senders: number;
  readonly maxSlots: number;
  readonly slots: number;
  readonly checksums: string;
  /** Null before version 17, which does not know it. */
  readonly summarizeWal: string | null;
  /** -1: there is none. */
  readonly slotLimitMiB: number;
} & PageSizes;

type PageSizes = { readonly pageBytes: number; readonly walPageBytes: number };

const query = `
select current_user as "user",
       r.rolsuper or r.rolreplication as "mayReplicate",
       current_setting('wal_level') as "walLevel",
       current_setting('max_wal_senders')::int as "maxSenders",
       (select count(*)::int from pg_stat_replication) as "senders",
       current_setting('max_replication_slots')::int as "maxSlots",
       (select count(*)::int from pg_replication_slots) as "slots",
       current_setting('data_checksums') as "checksums",
       current_setting('summarize_wal', true) as "summarizeWal",
       (select setting::int from pg_settings where name = 'max_slot_wal_keep_size') as "slotLimitMiB",
       current_setting('block_size')::int as "pageBytes",
       current_setting('wal_block_size')::int as "walPageBytes"
  from pg_roles r
 where r.rolname = current_user`;

const usualPageBytes = 8192;

const restart = 'which takes a restart of the server';

/** What keeps base backups, or incremental ones, from being taken of the server, or makes them worth less. Changes nothing. */
export async function baseFindings(
  client: Client,
  { methods, major }: { readonly methods: readonly Method[]; readonly major: number },
): Promise<readonly BaseFinding[]> {
  const { rows } = await client.query<Settings>(query);
  const [settings] = rows;
  if (settings === undefined)
    throw new HoldfastError('internal', 'the server does not know the role of its own session');
  const { user, walLevel, maxSenders, senders, maxSlots, slots } = settings;
  const findings: BaseFinding[] = [...pageFindings(settings)];
  const error = (code: ErrorCode, message: string, fix: string): void =>
    void findings.push({ level: 'error', code, message, fix });
  if (!settings.mayReplicate)
    error(
      'privilege-missing',
      `user '${user}' may not replicate, and a base backup comes over the replication protocol`,
      `alter role "${user}" replication`,
    );
  if (walLevel === 'minimal')
    error(
      'preflight-failed',
      `wal_level is '${walLevel}', with which no base backup can be taken`,
      `set wal_level to 'replica', ${restart}`,
    );
  if (senders >= maxSenders)
    error(
      'source-busy',
      `the server has ${maxSenders} WAL senders, and ${senders} are at work: a base backup needs one`,
      `raise max_wal_senders, ${restart}`,
    );
  if (slots >= maxSlots)
    error(
      'source-busy',
      `the server has ${maxSlots} replication slots, and ${slots} are in use: a base backup needs one while it runs`,
      `raise max_replication_slots, ${restart}, or drop a slot that nobody uses`,
    );
  const isByRange = major < blocksSince;
  if (isByRange && methods.includes('differential'))
    error(
      'preflight-failed',
      `PostgreSQL ${major} cannot tell what has changed since a base backup: differential backups need version ${blocksSince}`,
      'take incremental backups, which before that are the WAL since the last one',
    );
  if (isByRange && methods.includes('incremental') && settings.slotLimitMiB < 0)
    findings.push({
      level: 'warning',
      message: 'a replication slot keeps the WAL between two backups, and max_slot_wal_keep_size does not limit it',
      fix: 'set max_slot_wal_keep_size to what the disk can spare: when backups cease, the WAL would fill it',
    });
  if (!isByRange && methods.some((method) => method !== 'base') && settings.summarizeWal !== 'on')
    error(
      'preflight-failed',
      'summarize_wal is off, and an incremental backup is made of what the summaries of the WAL say',
      `set summarize_wal to 'on' and reload the server; then take a base backup, which the first incremental one builds on`,
    );
  if (settings.checksums !== 'on')
    findings.push({
      level: 'warning',
      message: 'the cluster has no page checksums: nobody notices when its disk alters a page, and backups carry it on',
      fix: "run 'pg_checksums --enable' on the stopped server",
    });
  return findings;
}

/**
 * A server that was built with other pages than all that are distributed has files of a shape in which nothing here finds a checksum, a changed
 * block or a record of WAL: a backup of it would be called damaged, or could not be restored.
 */
export function pageFindings({ pageBytes, walPageBytes }: PageSizes): readonly BaseFinding[] {
  if (pageBytes === usualPageBytes && walPageBytes === usualPageBytes) return [];
  return [
    {
      level: 'error',
      code: 'preflight-failed',
      message: `the server was built with pages of ${pageBytes} bytes, and of ${walPageBytes} in its WAL: physical backups are taken of servers with ${usualPageBytes}, as all that are distributed have`,
      fix: 'take dumps of it: backups of method logical',
    },
  ];
}

/** Does the server let the user in for replication, too? Undefined when it does. */
export async function replicationRefusal(connection: Connection, signal: AbortSignal): Promise<Finding | undefined> {
  try {
    const client = await connectForReplication(connection, { applicationName: 'holdfast-probe', signal });
    await client.end();
    return undefined;
  } catch (error) {
    const { message, hint } = fromBaseBackup(
      error,
      `the replication session at '${connection.host}:${connection.port}'`,
    );
    return { level: 'error', message, fix: hint };
  }
}

/** Throws, naming everything at once, when something of it keeps a backup from being taken. */
export function requireNoErrors(findings: readonly BaseFinding[]): void {
  const errors = findings.filter(({ level }) => level === 'error');
  const [first] = errors;
  if (first === undefined) return;
  throw new HoldfastError(first.code ?? 'preflight-failed', errors.map(({ message }) => message).join('; '), {
    hint: errors.map(({ fix }) => fix).join('; '),
  });
}
