import { rmSync } from 'node:fs';
import path from 'node:path';
import { buildFolder, publish, withLock } from '../../lib/local/install-cache.ts';
import { type Progress, runInstaller } from '../../lib/local/run-installer.ts';
import { fromCache } from './find.ts';
import { ServerMissing } from './server-missing.ts';

const name = 'pgbackrest-trixie';
const script = path.resolve(import.meta.dirname, '../get-pgbackrest.sh');

/**
 * The absolute path of pgBackRest, the peer of the benches of physical backups: that of Debian 13, which knows PostgreSQL up to 17, in the cache or
 * unpacked now.
 */
export async function ensurePgBackRest(progress: Progress): Promise<string> {
  const cached = () => fromCache(name, 'bin/pgbackrest');
  const folder = cached() ?? (await withLock(name, async () => cached() ?? (await unpack(progress))));
  return path.join(folder, 'bin/pgbackrest');
}

async function unpack(progress: Progress): Promise<string> {
  progress('unpacking pgBackRest (once, some seconds)');
  const folder = buildFolder(name);
  try {
    await runInstaller('/bin/bash', [script, 'trixie', folder], { label: 'pgBackRest', progress });
  } catch (cause) {
    rmSync(folder, { recursive: true, force: true });
    throw new ServerMissing("the bench needs pgBackRest, which could not be unpacked from Debian's packages", [], {
      cause,
    });
  }
  publish(name, folder);
  return folder;
}
