/**
 * Every way in which Holdfast can fail, once. The row decides what a shell sees (`exit`), what an API caller sees
 * (`http`), whether a state machine may try again (`retryable`), and what a tired operator should try (`hint`).
 *
 * Exit codes: 0 ok, 2 usage, 10–19 permanent (nothing changes by trying again), 20–29 retryable, 30 partial, 31 late, 70 a bug,
 * 124 our own deadline, 143 asked to stop. Several codes may share an exit code; the code's name is in every message.
 */
const table = {
  usage: { exit: 2, http: 400, retryable: false, hint: 'run the same command with --help' },
  'config-invalid': {
    exit: 10,
    http: 400,
    retryable: false,
    hint: 'correct the settings named above in holdfast.yaml or the environment',
  },
  'config-missing': {
    exit: 10,
    http: 400,
    retryable: false,
    hint: "write a holdfast.yaml, name one with --config, or run 'holdfast up' for the demo",
  },
  'target-unknown': { exit: 11, http: 404, retryable: false, hint: "'holdfast targets' lists the configured ones" },
  'backup-unknown': { exit: 11, http: 404, retryable: false, hint: "'holdfast list' shows what the store holds" },
  'schedule-unknown': { exit: 11, http: 404, retryable: false, hint: "'holdfast schedules' lists them" },
  'recovery-unknown': {
    exit: 11,
    http: 404,
    retryable: false,
    hint: 'GET /restores lists those that the catalog knows; it may be behind by some seconds',
  },
  'run-unknown': {
    exit: 11,
    http: 404,
    retryable: false,
    hint: 'GET /runs lists what was started in the last 90 days, which is as long as Step Functions remembers',
  },
  'cleanup-unknown': {
    exit: 11,
    http: 404,
    retryable: false,
    hint: 'GET /runs/cleanup lists the cleanups of the last 90 days, which is as long as their plans are kept',
  },
  'report-unknown': { exit: 11, http: 404, retryable: false, hint: 'GET /reports lists those that there are' },
  'route-unknown': { exit: 2, http: 404, retryable: false, hint: 'GET /openapi.json describes every path' },
  'method-not-allowed': {
    exit: 2,
    http: 405,
    retryable: false,
    hint: "the answer's 'allow' header names the methods that this path knows",
  },
  'body-too-large': { exit: 2, http: 413, retryable: false, hint: 'no request needs more than 64 KiB' },
  'media-type-unsupported': {
    exit: 2,
    http: 415,
    retryable: false,
    hint: "send JSON, with the header 'content-type: application/json'",
  },
  'idempotency-key-reused': {
    exit: 2,
    http: 422,
    retryable: false,
    hint: 'a key names one wish: take a new one for another, and the same one only to ask the same again',
  },
  'caller-unknown': {
    exit: 12,
    http: 401,
    retryable: false,
    hint: "'holdfast api' says how a request is authenticated",
  },
  'database-missing': {
    exit: 11,
    http: 404,
    retryable: false,
    hint: "does the target's 'databases' setting name a database that exists?",
  },
  'auth-failed': {
    exit: 12,
    http: 401,
    retryable: false,
    hint: "is the target's password reference right, and the password current?",
  },
  'privilege-missing': {
    exit: 12,
    http: 403,
    retryable: false,
    hint: 'grant what is named above to the backup user (docs/configuration.md, privileges)',
  },
  'store-denied': {
    exit: 12,
    http: 403,
    retryable: false,
    hint: 'may this role read and write the store named above?',
  },
  'secret-missing': {
    exit: 12,
    http: 400,
    retryable: false,
    hint: 'does the referenced secret, variable or file exist and hold a password?',
  },
  'version-mismatch': {
    exit: 13,
    http: 409,
    retryable: false,
    hint: "install the client tools of the server's major version, or set HOLDFAST_PG_BIN",
  },
  'tool-missing': {
    exit: 13,
    http: 500,
    retryable: false,
    hint: "'holdfast doctor' says which client tools were found and how to install them",
  },
  'key-missing': {
    exit: 14,
    http: 409,
    retryable: false,
    hint: 'is the key file or KMS key that the manifest names still at hand? Without it the backup cannot be read',
  },
  'key-wrong': {
    exit: 14,
    http: 409,
    retryable: false,
    hint: 'is this the key that the backup was made with? The manifest names its id',
  },
  corrupt: {
    exit: 15,
    http: 422,
    retryable: false,
    hint: "what was read is not what was written: 'holdfast validate' names the object; restore from another backup",
  },
  'object-missing': {
    exit: 15,
    http: 422,
    retryable: false,
    hint: "an object that the manifest lists is gone: 'holdfast validate' lists all that are missing",
  },
  'wal-conflict': {
    exit: 15,
    http: 409,
    retryable: false,
    hint: 'are two servers of one system identifier and timeline at work? The store keeps what it had first; see docs/runbooks/wal-conflict.md',
  },
  'wal-gone': {
    exit: 15,
    http: 409,
    retryable: false,
    hint: 'the server has removed WAL that the store lacks: take a new base backup, and see docs/runbooks/wal-gap.md',
  },
  'manifest-unreadable': {
    exit: 15,
    http: 422,
    retryable: false,
    hint: 'was the manifest written by a newer Holdfast, or altered?',
  },
  'approval-expired': {
    exit: 12,
    http: 409,
    retryable: false,
    hint: 'ask for it again, and have somebody else approve it in time',
  },
  'recovery-refused': {
    exit: 12,
    http: 409,
    retryable: false,
    hint: 'somebody did not want it to run: ask them, and then for it again',
  },
  'approval-refused': {
    exit: 12,
    http: 403,
    retryable: false,
    hint: 'a recovery is approved while it waits, by somebody else than the one who asked for it',
  },
  'manifest-newer': {
    exit: 15,
    http: 422,
    retryable: false,
    hint: 'restore it with the Holdfast that wrote it, or a later one',
  },
  'dump-failed': {
    exit: 16,
    http: 502,
    retryable: false,
    hint: "the tool's own last lines are above; is the database healthy?",
  },
  'dump-incomplete': {
    exit: 16,
    http: 502,
    retryable: false,
    hint: 'the tool said success but its output is not whole; nothing was published',
  },
  'parent-unfit': {
    exit: 18,
    http: 409,
    retryable: false,
    hint: "what it would build on is missing or does not fit: take a base backup ('--method base'), and the next incremental one builds on that",
  },
  'service-not-switched': {
    exit: 16,
    http: 502,
    retryable: false,
    hint: "does the server run? Look now, and start it by hand if it does not; then correct the commands of the target's 'service' setting",
  },
  'restore-failed': {
    exit: 16,
    http: 502,
    retryable: false,
    hint: "the tool's own last lines are above; the target is as it was before",
  },
  'comparison-failed': {
    exit: 17,
    http: 422,
    retryable: false,
    hint: 'the restored copy differs from the backup as listed above; it was kept aside, not put in place',
  },
  'assertion-failed': {
    exit: 17,
    http: 422,
    retryable: false,
    hint: 'the copy is what the backup says, and not what you say it should be: look at the source, or correct the assertion',
  },
  'copy-damaged': {
    exit: 17,
    http: 422,
    retryable: false,
    hint: 'amcheck found the restored copy damaged: test the backup elsewhere, and look at the disk and memory of that machine',
  },
  'not-testable': {
    exit: 18,
    http: 409,
    retryable: false,
    hint: 'install what is named above where restore tests run; nothing is known of the backup yet',
  },
  'test-disk-too-small': {
    exit: 18,
    http: 507,
    retryable: false,
    hint: 'raise aws.restoreTestDiskGiB; on one machine, point TMPDIR to a larger disk',
  },
  'target-not-empty': { exit: 18, http: 409, retryable: false, hint: 'restore under another name, or say --replace' },
  'point-unreachable': {
    exit: 18,
    http: 409,
    retryable: false,
    hint: 'ask for a point that can be reached: the last one is named above',
  },
  'target-protected': {
    exit: 18,
    http: 409,
    retryable: false,
    hint: 'name the target as the receiver (--into) if that is meant, or restore under another name (--as)',
  },
  'preflight-failed': {
    exit: 18,
    http: 409,
    retryable: false,
    hint: 'correct what is named above and run again; nothing was changed',
  },
  'lease-held': {
    exit: 19,
    http: 409,
    retryable: false,
    hint: 'wait for that run to end; a lease left by a crash runs out by itself at the time named above',
  },
  'lease-lost': {
    exit: 19,
    http: 409,
    retryable: false,
    hint: 'another run took over while this one was stalled; its result stands',
  },
  'port-taken': {
    exit: 19,
    http: 409,
    retryable: false,
    hint: 'stop what listens there, or choose another with --port',
  },
  'already-exists': { exit: 19, http: 409, retryable: false, hint: 'write-once objects are never overwritten' },
  'assembly-unsupported': {
    exit: 13,
    http: 501,
    retryable: false,
    hint: 'give what is named above a meaning in lib/local/resources, or say in lib/local/without-local-meaning.ts why it has none',
  },
  'stack-running': {
    exit: 19,
    http: 409,
    retryable: false,
    hint: 'use the stack that runs, or stop it; a configuration in another folder has a stack of its own',
  },
  'source-unreachable': {
    exit: 20,
    http: 503,
    retryable: true,
    hint: 'is the server running, and may this network reach it?',
  },
  'source-interrupted': {
    exit: 21,
    http: 503,
    retryable: true,
    hint: 'the server went away during the run; nothing was published, the next run starts afresh',
  },
  'source-busy': {
    exit: 22,
    http: 503,
    retryable: true,
    hint: 'a lock or statement timeout passed; run it at a quieter time or raise lockTimeoutSeconds',
  },
  'store-unavailable': {
    exit: 23,
    http: 503,
    retryable: true,
    hint: 'is the store reachable? What was uploaded was aborted; run again',
  },
  'disk-full': { exit: 24, http: 503, retryable: true, hint: 'free some space where the path above points' },
  'catalog-unavailable': {
    exit: 25,
    http: 503,
    retryable: true,
    hint: 'the backup itself is safe in the store; the catalog is brought up to date when it is back',
  },
  'key-service-unavailable': { exit: 26, http: 503, retryable: true, hint: 'is KMS reachable from here?' },
  'secret-unavailable': {
    exit: 29,
    http: 503,
    retryable: true,
    hint: 'is Secrets Manager reachable from here?',
  },
  'function-unavailable': {
    exit: 27,
    http: 503,
    retryable: true,
    hint: 'is it deployed, and may this role invoke it? Its log says more',
  },
  'task-not-started': {
    exit: 27,
    http: 503,
    retryable: true,
    hint: 'is there Fargate capacity, and can the image be pulled from these subnets?',
  },
  'task-killed': {
    exit: 28,
    http: 503,
    retryable: true,
    hint: 'does the task have memory enough (aws.taskMemoryMiB)? nothing was published',
  },
  'channel-down': {
    exit: 29,
    http: 503,
    retryable: true,
    hint: "does alerts.webhook, or alerts.emails, name who is to be told? 'holdfast alerts' says what was last delivered",
  },
  unhealthy: {
    exit: 17,
    http: 503,
    retryable: false,
    hint: "'holdfast health' lists what is wrong, each with the first command and its runbook",
  },
  partial: {
    exit: 30,
    http: 207,
    retryable: false,
    hint: "'holdfast show' lists what failed and why; the rest can be restored",
  },
  'objective-missed': {
    exit: 31,
    http: 409,
    retryable: false,
    hint: "'holdfast status' says of each target what is late",
  },
  internal: {
    exit: 70,
    http: 500,
    retryable: false,
    hint: 'this is a bug in Holdfast: please report it with the lines above',
  },
  deadline: { exit: 124, http: 504, retryable: false, hint: 'raise BACKUP_TIMEOUT, or lower what one run has to do' },
  stopped: {
    exit: 143,
    http: 503,
    retryable: false,
    hint: 'the run was asked to stop and cleaned up behind itself; run it again',
  },
} as const satisfies Record<string, { exit: number; http: number; retryable: boolean; hint: string }>;

export type ErrorCode = keyof typeof table;

/** One row of the error table: exit code, HTTP status, whether trying again can help, and the default hint. */
export type ErrorRow = {
  readonly exit: number;
  readonly http: number;
  readonly retryable: boolean;
  readonly hint: string;
};

export const errorTable: Readonly<Record<ErrorCode, ErrorRow>> = table;

/** The codes that a state machine may retry, in the form in which they appear as ASL error names. */
export const retryableCodes: readonly ErrorCode[] = (Object.keys(table) as ErrorCode[]).filter(
  (code) => table[code].retryable,
);
