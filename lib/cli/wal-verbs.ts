import { groupOnly, type VerbDefinition } from './verb-definition.ts';

/**
 * To a recovering server an exit code of 1 to 125 of its restore_command means that there is no such file, and that WAL ends here: it would
 * stop short, and open. What is not known to be missing has to stop it instead (RestoreArchivedFile in
 * src/backend/access/transam/xlogarchive.c).
 */
const stopsRecovery = 126;

/** `holdfast wal`. */
export const walVerbs: VerbDefinition = {
  usage: 'wal',
  description: "PostgreSQL's continuous WAL: what the store has, and the ways into it and out of it",
  example: 'holdfast wal status',
  load: groupOnly,
  verbs: [
    {
      usage: 'status',
      isDefault: true,
      description: 'timelines, segments, holes, lag, and the points that can be reached; needs store alone',
      example: 'holdfast wal status --target orders',
      options: [['--target <target>', 'only of this target']],
      load: () => import('./verbs/wal-status.ts'),
    },
    {
      usage: 'receive',
      description: 'receive WAL into the store until stopped: what the service does for wal.receive: true',
      example: 'holdfast wal receive --target orders',
      options: [['--target <target>', 'whose; the only one that has WAL when left out']],
      load: () => import('./verbs/wal-receive.ts'),
    },
    {
      usage: 'push <file>',
      description: 'for archive_command: ends with 0 when the file is durable in the store, and may be repeated',
      example: 'holdfast wal push %p --config /etc/holdfast.yaml',
      options: [
        ['--target <target>', 'whose; the only one that has WAL when left out'],
        ['--data-directory <folder>', "the server's (default: where this is run)"],
      ],
      load: () => import('./verbs/wal-push.ts'),
    },
    {
      usage: 'fetch <name> <file>',
      description:
        'for restore_command: exit code 1 when the store has no such file, 126 (which stops the recovery) when that is not known',
      example: 'holdfast wal fetch %f %p --config /etc/holdfast.yaml',
      options: [
        ['--target <target>', 'whose; the only one that has WAL when left out'],
        ['--system <identifier>', "the system identifier (default: that of the data directory's server)"],
        ['--data-directory <folder>', "the server's (default: where this is run)"],
      ],
      failureExit: stopsRecovery,
      load: () => import('./verbs/wal-fetch.ts'),
    },
  ],
};
