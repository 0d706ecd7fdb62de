import { existsSync } from 'node:fs';
import path from 'node:path';
import { restoreCluster } from '../../../../lib/engines/postgres/recover/restore-cluster.ts';
import { contextFor } from '../run-engine.ts';
import { folderLog, into, savedBase } from './cluster-source.ts';

/** Restores the saved base below `place` into `folder`, and is killed by itself in that phase: `restore-and-die.ts <place> <folder> <phase>`. */
const [place = '', folder = '', phase = ''] = process.argv.slice(2);
using context = contextFor(
  { host: '', port: 0, user: '', password: '' },
  {
    progress: (event) => {
      if (event.phase === phase) process.kill(process.pid, 'SIGKILL');
    },
  },
);
const archive = path.join(place, 'archive');
await restoreCluster(context, {
  streams: into(savedBase(path.join(place, 'base')), folder),
  source: {},
  replace: false,
  ...(existsSync(archive) && { log: folderLog(archive) }),
  newIdentity: phase === 'identity',
});
