import type { Progress } from '../../lib/local/run-installer.ts';
import { ensureDebianPrograms } from './debian-programs.ts';

/** The absolute path of pgBackRest, the peer of the benches of physical backups. Debian 12's knows PostgreSQL up to 15. */
export async function ensurePgBackRest(progress: Progress): Promise<string> {
  return (await ensureDebianPrograms({ pgbackrest: 'pgbackrest' }, progress)).pgbackrest;
}
