import { globSync } from 'node:fs';
import type { Progress } from '../../lib/local/run-installer.ts';
import { ensureDebianPrograms } from './debian-programs.ts';
import { ServerMissing } from './server-missing.ts';

const find = (): string | undefined => globSync('/usr/lib/*/faketime/libfaketimeMT.so.1')[0];

/** The absolute path of libfaketime, for LD_PRELOAD: a whole process then lives by another clock. Installed where this process may. */
export async function ensureFaketime(progress: Progress): Promise<string> {
  if (find() === undefined) await ensureDebianPrograms({}, progress, ['libfaketime']);
  const found = find();
  if (found !== undefined) return found;
  throw new ServerMissing('the tests of clocks that are wrong need libfaketime', [
    'run: sudo apt-get install libfaketime',
  ]);
}
