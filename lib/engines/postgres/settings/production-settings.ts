/** The machine that a server has to itself. */
export type Host = {
  /** Left out where it is not known: what depends on it is then not judged. */
  readonly memoryMiB?: number | undefined;
  /** @default 200 */
  readonly connections?: number | undefined;
};

/** When a value will do. Sizes are in bytes and times in milliseconds, whatever the server counts in. */
export type Wanted =
  | { readonly is: 'one of'; readonly values: readonly string[] }
  /** Anything, here or in another setting that does as well. Ours is an example: it must not displace one that works. */
  | { readonly is: 'set'; readonly or: string }
  | { readonly is: 'at least' | 'about'; readonly value: number; readonly unit: 'count' | 'bytes' | 'milliseconds' }
  /** A limit is set, and it is no higher. */
  | { readonly is: 'at most'; readonly value: number; readonly unit: 'count' | 'bytes' | 'milliseconds' };

export type ProductionSetting = {
  readonly name: string;
  readonly group: 'wal' | 'connections' | 'memory' | 'logging' | 'security';
  /** As it is written in postgresql.conf. */
  readonly value: string;
  readonly wanted: Wanted;
  readonly why: string;
  /** What may happen while it is set otherwise. */
  readonly risk: string;
  /** The first major version that has it. */
  readonly since?: number;
  /** The value in an RDS parameter group, where it is written differently; null where RDS keeps it to itself. */
  readonly rds?: string | null;
};

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;
const second = 1000;
const minute = 60 * second;

const oneOf = (...values: string[]): Wanted => ({ is: 'one of', values });
const atLeast = (value: number, unit: 'count' | 'bytes' | 'milliseconds' = 'count'): Wanted => ({
  is: 'at least',
  value,
  unit,
});
const atMost = (value: number, unit: 'count' | 'bytes' | 'milliseconds' = 'count'): Wanted => ({
  is: 'at most',
  value,
  unit,
});

/** What a production server should be set to, and why. Pure: the same host gives the same settings. */
export function productionSettings(host: Host = {}): readonly ProductionSetting[] {
  return [
    ...wal,
    ...connections(host),
    ...(host.memoryMiB === undefined ? [] : memory(host, host.memoryMiB)),
    ...logging,
    ...security,
  ];
}

const wal: readonly ProductionSetting[] = [
  {
    group: 'wal',
    name: 'wal_level',
    value: 'replica',
    wanted: oneOf('replica', 'logical'),
    why: 'the WAL has what archiving, standbys and physical backups need',
    risk: 'no physical backup and no point in time: what came after the last dump is lost',
    rds: null,
  },
  {
    group: 'wal',
    name: 'archive_mode',
    value: 'on',
    wanted: oneOf('on', 'always'),
    why: 'a finished segment is handed on; turning it on later takes a restart',
    risk: 'a segment that no receiver took in time is gone for good',
    rds: null,
  },
  {
    group: 'wal',
    name: 'archive_command',
    value: '/bin/true',
    wanted: { is: 'set', or: 'archive_library' },
    why: "'holdfast wal push %p' on a host that has Holdfast; /bin/true where a receiver takes the WAL",
    risk: 'while archiving is on, every segment is kept until there is one: pg_wal fills the disk',
    rds: null,
  },
  {
    group: 'wal',
    name: 'archive_timeout',
    value: '5min',
    wanted: atMost(5 * minute, 'milliseconds'),
    why: 'a quiet server hands on its segment too',
    risk: 'with the host go more than the last five minutes',
    rds: '300',
  },
  {
    group: 'wal',
    name: 'max_wal_senders',
    value: '10',
    wanted: atLeast(10),
    why: 'base backups, streaming and standbys each take one',
    risk: 'a backup is refused because a standby took the last one',
  },
  {
    group: 'wal',
    name: 'max_replication_slots',
    value: '10',
    wanted: atLeast(10),
    why: 'a slot keeps what its reader has not seen yet',
    risk: 'WAL goes before its reader has it, and a standby or receiver has to begin anew',
  },
  {
    group: 'wal',
    name: 'max_slot_wal_keep_size',
    value: '64GB',
    wanted: atMost(64 * GiB, 'bytes'),
    why: 'a slot whose reader is gone is given up in time',
    risk: 'its WAL fills the disk, and the server stops',
    rds: '65536',
  },
  {
    group: 'wal',
    name: 'wal_compression',
    value: 'on',
    wanted: oneOf('on', 'pglz', 'lz4', 'zstd'),
    why: 'less is written, sent and archived after each checkpoint',
    risk: 'twice as much WAL and more, on the disk, the network and in the store',
  },
  {
    group: 'wal',
    name: 'max_wal_size',
    value: '4GB',
    wanted: atLeast(4 * GiB, 'bytes'),
    why: 'checkpoints by time and not by volume',
    risk: 'a burst of writes makes one checkpoint after another, and everybody waits for the disk',
    rds: '4096',
  },
  {
    group: 'wal',
    name: 'checkpoint_timeout',
    value: '15min',
    wanted: atLeast(10 * minute, 'milliseconds'),
    why: 'fewer full-page images in the WAL',
    risk: 'more WAL, and slow writes after each checkpoint',
    rds: '900',
  },
  {
    group: 'wal',
    name: 'summarize_wal',
    value: 'on',
    wanted: oneOf('on'),
    why: 'incremental backups read what changed instead of everything',
    risk: 'the server refuses incremental backups',
    since: 17,
    rds: null,
  },
  {
    group: 'wal',
    name: 'fsync',
    value: 'on',
    wanted: oneOf('on'),
    why: 'what was committed is on the disk',
    risk: 'a crash destroys the database',
    rds: null,
  },
  {
    group: 'wal',
    name: 'full_page_writes',
    value: 'on',
    wanted: oneOf('on'),
    why: 'a page torn by a crash is repaired from the WAL',
    risk: 'a crash leaves pages that nothing repairs',
    rds: null,
  },
];

const connections = ({ connections: count = 200 }: Host): readonly ProductionSetting[] => [
  {
    group: 'connections',
    name: 'max_connections',
    value: String(count),
    wanted: { is: 'at least', value: count, unit: 'count' },
    why: 'so many clients at once; more than that belong behind a pooler',
    risk: 'clients are turned away when it matters',
  },
  {
    group: 'connections',
    name: 'superuser_reserved_connections',
    value: '5',
    wanted: atLeast(3),
    why: 'an operator and a backup come in when all others are taken',
    risk: 'nobody can look at a server that is full, or back it up',
    rds: null,
  },
  {
    group: 'connections',
    name: 'idle_in_transaction_session_timeout',
    value: '10min',
    wanted: atMost(10 * minute, 'milliseconds'),
    why: 'a forgotten transaction ends by itself',
    risk: 'it keeps its locks, and vacuum from its work: others wait, and tables grow',
    rds: '600000',
  },
  {
    group: 'connections',
    name: 'tcp_keepalives_idle',
    value: '60',
    wanted: atMost(60 * second, 'milliseconds'),
    why: 'sessions of clients that are gone are found',
    risk: 'they keep connections and locks for two hours',
  },
];

/** Shares of the host's memory, in the usual proportions. */
function memory({ connections: count = 200 }: Host, memoryMiB: number): readonly ProductionSetting[] {
  const size = (
    name: string,
    mebibytes: number,
    rdsUnitMiB: number,
    { why, risk }: Pick<ProductionSetting, 'why' | 'risk'>,
  ): ProductionSetting => ({
    group: 'memory',
    name,
    value: `${mebibytes}MB`,
    wanted: { is: 'about', value: mebibytes * MiB, unit: 'bytes' },
    why,
    risk,
    rds: String(Math.round(mebibytes / rdsUnitMiB)),
  });
  const kibibyte = 1 / 1024;
  const page = 8 * kibibyte;
  return [
    size('shared_buffers', Math.floor(memoryMiB / 4), page, {
      why: 'a quarter of the memory',
      risk: 'pages come from the disk again and again, or the memory runs out',
    }),
    size('effective_cache_size', Math.floor((memoryMiB * 3) / 4), page, {
      why: 'what the planner may think is cached: three quarters',
      risk: 'the planner reads whole tables where an index would do, or the other way round',
    }),
    size('work_mem', Math.max(4, Math.floor(memoryMiB / 4 / count)), kibibyte, {
      why: 'every connection may sort once within a quarter of the memory',
      risk: 'sorts go to the disk, or many at once use up the memory',
    }),
    size('maintenance_work_mem', Math.min(2048, Math.max(64, Math.floor(memoryMiB / 16))), kibibyte, {
      why: 'indexes are built, and restored, in memory',
      risk: 'a restore takes longer, for its indexes most of all',
    }),
  ];
}

const logging: readonly ProductionSetting[] = [
  {
    group: 'logging',
    name: 'logging_collector',
    value: 'on',
    wanted: oneOf('on'),
    why: 'the log is kept in files',
    risk: 'what the server said goes with its terminal or container',
    rds: null,
  },
  {
    group: 'logging',
    name: 'log_connections',
    value: 'on',
    wanted: oneOf(
      'on',
      'all',
      'receipt, authentication, authorization',
      'receipt,authentication,authorization',
      'authentication',
      'authorization',
    ),
    why: 'who came in, from where, as whom',
    risk: 'nobody can say afterwards who came in',
    rds: '1',
  },
  {
    group: 'logging',
    name: 'log_disconnections',
    value: 'on',
    wanted: oneOf('on'),
    why: 'and for how long',
    risk: 'nor when they left',
    rds: '1',
  },
  {
    group: 'logging',
    name: 'log_statement',
    value: 'ddl',
    wanted: oneOf('ddl', 'mod', 'all'),
    why: 'every change of a definition, with its author',
    risk: 'a dropped table has no author',
  },
  {
    group: 'logging',
    name: 'log_line_prefix',
    value: "'%m [%p] %q%u@%d from %h (%a) '",
    wanted: oneOf('%m [%p] %q%u@%d from %h (%a) ', '%t:%r:%u@%d:[%p]:'),
    why: 'each line says when, who, where and from which program',
    risk: 'a line belongs to nobody',
    rds: null,
  },
  {
    group: 'logging',
    name: 'log_checkpoints',
    value: 'on',
    wanted: oneOf('on'),
    why: 'what the disks were busy with',
    risk: 'slow minutes stay unexplained',
    rds: '1',
  },
  {
    group: 'logging',
    name: 'log_lock_waits',
    value: 'on',
    wanted: oneOf('on'),
    why: 'who waited for whom',
    risk: 'a wait that users saw cannot be traced',
    rds: '1',
  },
  {
    group: 'logging',
    name: 'log_min_duration_statement',
    value: '5s',
    wanted: atMost(5 * second, 'milliseconds'),
    why: 'slow statements are known before users complain',
    risk: 'users notice first',
    rds: '5000',
  },
  {
    group: 'logging',
    name: 'log_replication_commands',
    value: 'on',
    wanted: oneOf('on'),
    why: 'who took a copy of everything',
    risk: 'a copy of everything leaves without a trace',
    rds: '1',
  },
  {
    group: 'logging',
    name: 'log_timezone',
    value: 'UTC',
    wanted: oneOf('UTC', 'Etc/UTC', 'GMT'),
    why: 'times of several servers compare',
    risk: 'events of two servers are put into the wrong order',
    rds: null,
  },
];

const security: readonly ProductionSetting[] = [
  {
    group: 'security',
    name: 'ssl',
    value: 'on',
    wanted: oneOf('on'),
    why: 'passwords and rows cross the network encrypted',
    risk: 'whoever listens on the network reads them',
    rds: null,
  },
  {
    group: 'security',
    name: 'ssl_min_protocol_version',
    value: 'TLSv1.2',
    wanted: oneOf('TLSv1.2', 'TLSv1.3'),
    why: 'older protocols are broken',
    risk: 'a client is talked into one that others can read',
  },
  {
    group: 'security',
    name: 'password_encryption',
    value: 'scram-sha-256',
    wanted: oneOf('scram-sha-256'),
    why: 'a verifier that is stolen is of no use',
    risk: 'one of md5 is as good as the password',
  },
  {
    group: 'security',
    name: 'row_security',
    value: 'on',
    wanted: oneOf('on'),
    why: 'policies are kept, not refused',
    risk: 'queries on tables with policies fail',
    rds: null,
  },
];
