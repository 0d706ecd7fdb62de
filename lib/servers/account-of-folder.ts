import { statSync } from 'node:fs';
import { type ServerAccount, serverAccount } from './server-account.ts';

/**
 * The account that a server in this folder runs as, and that owns its files, when this process is root: the folder's owner where somebody has
 * made it for one, the system's account for such servers otherwise. Undefined when this process is unprivileged itself.
 */
export function accountOfFolder(folder: string): ServerAccount | undefined {
  const usual = serverAccount();
  const there = statSync(folder, { throwIfNoEntry: false });
  if (usual === undefined || there === undefined || there.uid === 0) return usual;
  return { name: String(there.uid), uid: there.uid, gid: there.gid };
}
