/** So many mebibytes of `maintenance_work_mem` for all jobs together, and at most a quarter of it for one. */
const indexMemoryMiB = 1024;

/** Settings of a session that makes a copy of a database, in addition to those that decide how values look. */
export function loadSettings(options: {
  /** The setting under which money is written; null when there is no money. */
  readonly lcMonetary: string | null;
  readonly jobs: number;
}): Record<string, string> {
  return {
    ...(options.lcMonetary === null ? {} : { lc_monetary: options.lcMonetary }),
    maintenance_work_mem: `${Math.max(64, Math.floor(indexMemoryMiB / Math.max(4, options.jobs)))}MB`,
    // The last commit of a restore, the renaming, waits for all that came before it.
    synchronous_commit: 'off',
  };
}

/** Of a session that loads rows: what the role or the database has of its own must not change what a value means. As pg_restore sets them. */
export const rowSettings = {
  search_path: '',
  xmloption: 'content',
  row_security: 'off',
  check_function_bodies: 'off',
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  default_transaction_read_only: 'off',
} as const satisfies Record<string, string>;
