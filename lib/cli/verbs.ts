import { groupOnly, type VerbDefinition } from './verb-definition.ts';
import { walVerbs } from './wal-verbs.ts';

export const verbs: readonly VerbDefinition[] = [
  {
    usage: 'up',
    description: 'run the whole system on this machine; without a configuration, a demo with a database of its own',
    example: 'holdfast up --port 8084',
    options: [
      ['--once', 'end after the first backup and restore, with the exit code of that job'],
      ['--port <number>', 'where health, metrics and the status page are served'],
      ['--no-job', 'only serve: wait for schedules and requests'],
    ],
    load: () => import('./verbs/up.ts'),
  },
  {
    usage: 'targets',
    description: 'the configured targets and their schedules',
    example: 'holdfast targets',
    load: () => import('./verbs/targets.ts'),
  },
  {
    usage: 'probe [target]',
    description: 'ask a target (or all of them) whether a backup would succeed; changes nothing',
    example: 'holdfast probe orders',
    asksTargets: true,
    load: () => import('./verbs/probe.ts'),
  },
  {
    usage: 'backup <target>',
    description: 'take a backup now, through the backup state machine',
    example: 'holdfast backup orders --tier weekly',
    asksTargets: true,
    options: [
      ['--tier <tier>', 'daily, weekly, monthly, compliance or manual: how long it is kept (default: manual)'],
      [
        '--method <method>',
        "one of the engine's, e.g. logical, base, incremental, dump, schema (default: the target's first)",
      ],
      [
        '--format <format>',
        "one of the method's, e.g. custom or sql; of Redis rdb, json or aof (default: the target's)",
      ],
      [
        '--from <backup>',
        "make it of an incremental backup and those that it builds on ('latest': the newest), without asking the source",
      ],
      ['--aws', 'start it in the AWS account instead of on this machine'],
      ['--no-wait', 'only start it'],
    ],
    load: () => import('./verbs/backup.ts'),
  },
  {
    usage: 'list [target]',
    description: 'the backups in the store, newest first; needs neither stack nor catalog',
    example: 'holdfast list orders --limit 20',
    options: [['--limit <number>', 'at most so many (default: 50)']],
    load: () => import('./verbs/list.ts'),
  },
  {
    usage: 'show <backup>',
    description: "one backup: its parts, sizes, counts and what failed; 'latest' with --target",
    example: 'holdfast show 20261121T020000Z-9f3c2a1b',
    options: [
      ['--target <target>', "whose, for 'latest'"],
      ['--tables', 'every table with its rows and digest'],
    ],
    load: () => import('./verbs/show.ts'),
  },
  {
    usage: 'validate [backup]',
    description: 'read backups back from the store, decrypt, decompress and parse them; needs store and key alone',
    example: 'holdfast validate latest --target orders',
    options: [
      ['--target <target>', "whose, for 'latest'; with --all, only its backups"],
      ['--all', 'every backup in the store; one that cannot be opened does not keep the others from being read'],
      [
        '--file <file>',
        "a manifest.json of any store on this machine, or a file of 'export', pg_dump, pg_dumpall or neo4j-admin",
      ],
      ['--report <file>', 'with --all, write what was found: .json for programs, .md for people'],
      ['--sample', 'sizes of all objects and the beginning of every stream, instead of every byte'],
    ],
    load: () => import('./verbs/validate.ts'),
  },
  {
    usage: 'restore <backup>',
    description: 'put databases back and compare them with the backup; needs store, key and the receiving server alone',
    example: 'holdfast restore latest --target orders --database orders --as orders_copy',
    asksTargets: true,
    options: [
      ['--target <target>', "whose backup, for 'latest'"],
      ['--into <target>', "a configured target whose server receives the copy (default: the backup's own)"],
      ['--database <name...>', 'only these databases'],
      ['--schema <name...>', 'only these schemas of one database'],
      ['--table <schema.table...>', 'only these tables of one database, with their indexes, constraints and sequences'],
      ['--with-dependencies', 'with --schema or --table: what they need and the destination lacks comes along'],
      ['--path <path...>', 'only these files and folders of a tree'],
      ['--on-conflict <what>', 'what becomes of keys or files that are there already: skip, replace or fail (default)'],
      [
        '--jobs <number>',
        'sessions that restore side by side (default: run.parallelJobs, or 1 without recovery.parallel)',
      ],
      [
        '--as <name>',
        'restore one database under this name (with --schema or --table it may exist); a tree or a whole cluster into this folder',
      ],
      ['--comparison <depth>', 'full: all of it is read back; loaded: it is not (default: recovery.comparison)'],
      ['--to-time <time>', 'of a cluster: recover it to this moment, e.g. 2026-11-21T02:00:00Z'],
      ['--to-lsn <lsn>', 'of a cluster: to this position in the write-ahead log'],
      ['--to-name <name>', 'of a cluster: to this restore point (pg_create_restore_point)'],
      ['--to-transaction <xid>', 'of a cluster: to this transaction'],
      ['--to-latest', 'of a cluster: as far as the log goes, which is the default'],
      ['--exclusive', 'stop just before that time, position or transaction'],
      ['--timeline <number>', "along this timeline (default: the newest that comes from the backup's)"],
      ['--tablespace <from=folder...>', 'of a cluster: where a tablespace goes, named by its number or its old folder'],
      ['--no-start', 'of a cluster: only unpack it; nothing is started, recovered or examined'],
      [
        '--new-identity',
        'of a cluster that will live beside its source: a system identifier of its own (default: that of the source, whose standbys and log then go on with it)',
      ],
      [
        '--replace',
        'over existing databases (or tables): each old one is kept aside until the new one has been compared',
      ],
      ['--aws', 'through the restore state machine in the AWS account'],
    ],
    load: () => import('./verbs/restore.ts'),
  },
  {
    usage: 'restore-test [what]',
    description:
      'restore a backup into a server of its own, compare and examine it: of a target, a backup by its id, or one chosen of all',
    example: 'holdfast restore-test orders',
    options: [
      ['--aws', 'start it in the AWS account instead of on this machine'],
      ['--no-wait', 'only start it'],
    ],
    load: () => import('./verbs/restore-test.ts'),
  },
  {
    usage: 'status',
    description:
      'of each target the last verified restorable point, the newest one, the last restore test, and what is late (exit code 31)',
    example: 'holdfast status',
    load: () => import('./verbs/status.ts'),
  },
  {
    usage: 'compare <backup>',
    description: 'hold a live database against a backup: rows and content of every table',
    example: 'holdfast compare latest --target orders --database orders --with orders_copy',
    asksTargets: true,
    options: [
      ['--target <target>', "whose backup, for 'latest'"],
      ['--into <target>', "the target whose server is looked at (default: the backup's own)"],
      ['--database <name>', 'which database of the backup (default: all)'],
      ['--with <name>', 'the live database to compare it with (default: the same name)'],
    ],
    load: () => import('./verbs/compare.ts'),
  },
  {
    usage: 'export <backup>',
    description: "write the engine's own files, for stock tools such as pg_restore",
    example: 'holdfast export latest --target orders --output ./orders-files',
    options: [
      ['--target <target>', "whose backup, for 'latest'"],
      ['--output <folder>', 'where to; made when missing'],
      ['--database <name...>', 'only these databases'],
    ],
    load: () => import('./verbs/export.ts'),
  },
  {
    usage: 'schedules',
    description: 'when backups run: last and next runs, and changing them without a deployment',
    example: 'holdfast schedules --hours 48',
    load: groupOnly,
    verbs: [
      {
        usage: 'list',
        isDefault: true,
        description:
          'every schedule with its last run and its next ones, restore tests and cleanup too; needs no running server',
        example: 'holdfast schedules --hours 48',
        options: [
          ['--hours <number>', 'the runs of so many hours from now, in order, instead of the next of each schedule'],
        ],
        load: () => import('./verbs/schedules-list.ts'),
      },
      {
        usage: 'set <schedule>',
        description: 'run it at other times from now on; stays so whatever is deployed, until it is reset',
        example: 'holdfast schedules set orders-daily-logical --cron "30 3 * * *" --timezone Europe/Berlin',
        options: [
          ['--cron <pattern>', 'minute hour day-of-month month day-of-week'],
          ['--timezone <name>', 'e.g. Europe/Berlin'],
          ['--aws', 'in the AWS account instead of on this machine'],
        ],
        load: () => import('./verbs/schedules-set.ts'),
      },
      {
        usage: 'enable <schedule>',
        description: 'let it run',
        example: 'holdfast schedules enable orders-daily-logical',
        options: [['--aws', 'in the AWS account instead of on this machine']],
        load: () => import('./verbs/schedules-enable.ts'),
      },
      {
        usage: 'disable <schedule>',
        description: 'let it run no more, until it is enabled or reset',
        example: 'holdfast schedules disable orders-daily-logical',
        options: [['--aws', 'in the AWS account instead of on this machine']],
        load: () => import('./verbs/schedules-disable.ts'),
      },
      {
        usage: 'reset <schedule>',
        description: 'back to what the configuration says',
        example: 'holdfast schedules reset orders-daily-logical',
        options: [['--aws', 'in the AWS account instead of on this machine']],
        load: () => import('./verbs/schedules-reset.ts'),
      },
    ],
  },
  {
    usage: 'api',
    description: 'the HTTP API: where it is and how it is called',
    example: 'holdfast api',
    load: groupOnly,
    verbs: [
      {
        usage: 'show',
        isDefault: true,
        description: 'its URL, and a command that calls it',
        example: 'holdfast api',
        options: [['--aws', 'of the AWS account instead of this machine']],
        load: () => import('./verbs/api-show.ts'),
      },
      {
        usage: 'token',
        description: "the token that a caller of the local stack's API bears",
        example: 'curl -H "authorization: Bearer $(holdfast api token)" http://127.0.0.1:8084/api/targets',
        load: () => import('./verbs/api-token.ts'),
      },
    ],
  },
  walVerbs,
  {
    usage: 'cleanup',
    description:
      'remove backups whose time is over and which nothing needs, and say of every backup why it stays or goes',
    example: 'holdfast cleanup --dry-run',
    options: [
      ['--dry-run', 'only say it; needs neither stack nor catalog'],
      ['--target <target>', 'only of this target'],
      ['--aws', 'through the cleanup state machine in the AWS account'],
    ],
    load: () => import('./verbs/cleanup.ts'),
  },
  {
    usage: 'hold <backup>',
    description: 'keep a backup whatever the rules say, until it is released',
    example: 'holdfast hold 20261121T020000Z-9f3c2a1b --reason "case 4711"',
    options: [
      ['--target <target>', "whose, for 'latest'"],
      ['--reason <text>', 'why; shown wherever the backup is'],
    ],
    load: () => import('./verbs/hold.ts'),
  },
  {
    usage: 'release <backup>',
    description: 'take a hold back: the rules decide again',
    example: 'holdfast release 20261121T020000Z-9f3c2a1b --reason "case 4711 is closed"',
    options: [
      ['--target <target>', "whose, for 'latest'"],
      ['--reason <text>', 'why; kept in the journal'],
    ],
    load: () => import('./verbs/release.ts'),
  },
  {
    usage: 'requests',
    description: 'what was asked for by SQL (docs/catalog.md), newest first, and how far it is',
    example: 'holdfast requests --limit 50',
    options: [['--limit <number>', 'at most so many (default: 20)']],
    load: () => import('./verbs/requests.ts'),
  },
  {
    usage: 'catalog',
    description: 'the catalog database: tables, views, and functions that request backups (docs/catalog.md)',
    example: 'holdfast catalog url',
    load: groupOnly,
    verbs: [
      {
        usage: 'migrate',
        description: 'bring its tables up to date; safe to run twice',
        example: 'holdfast catalog migrate',
        load: () => import('./verbs/catalog-migrate.ts'),
      },
      {
        usage: 'rebuild',
        description: 'make its rows again from the store alone',
        example: 'holdfast catalog rebuild',
        load: () => import('./verbs/catalog-rebuild.ts'),
      },
      {
        usage: 'url',
        description: 'a connection string for psql',
        example: 'psql "$(holdfast catalog url)"',
        load: () => import('./verbs/catalog-url.ts'),
      },
    ],
  },
  {
    usage: 'health',
    description:
      'check everything now: late, failed, missed and stuck backups, leases, WAL, key, catalog; exit code 17 when something is wrong',
    example: 'holdfast health --json',
    load: () => import('./verbs/health.ts'),
  },
  {
    usage: 'alerts',
    description: 'what was told of which problem, and whether each channel of alerts works',
    example: 'holdfast alerts --prove',
    options: [['--prove', 'prove each channel first, through the stack on this machine: the webhook gets a message']],
    load: () => import('./verbs/alerts.ts'),
  },
  {
    usage: 'explain [topic]',
    description:
      "how it works in numbers: 'pipeline' (memory, by formula), 'errors' (every error code), 'metrics' (every name), 'problems' (every kind), 'alert-rules' (for Prometheus)",
    example: 'holdfast explain pipeline',
    load: () => import('./verbs/explain.ts'),
  },
  {
    usage: 'postgres',
    description: "what concerns PostgreSQL's servers alone",
    example: 'holdfast postgres settings orders',
    load: groupOnly,
    verbs: [
      {
        usage: 'settings <target>',
        description:
          "hold a target's server against production settings, setting by setting with the fix; changes nothing",
        example: 'holdfast postgres settings orders --memory 16GiB --write conf > holdfast.conf',
        asksTargets: true,
        options: [
          ['--memory <size>', "the host's, for the settings that depend on it, e.g. 16GiB"],
          ['--connections <number>', 'so many clients at once (default: 200)'],
          [
            '--write <form>',
            'write all settings out instead: conf (for postgresql.conf) or rds (a parameter group template)',
          ],
        ],
        load: () => import('./verbs/postgres-settings.ts'),
      },
    ],
  },
  {
    usage: 'doctor [target]',
    description:
      'check configuration, key, store, client tools and targets, and say what to do about each finding; of one target, its settings too',
    example: 'holdfast doctor orders',
    asksTargets: true,
    load: () => import('./verbs/doctor.ts'),
  },
];
