import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type ServerAccount, serverAccount } from '../../../servers/server-account.ts';
import { startWatchdog, type Watchdog } from '../../../servers/watchdog.ts';

/** A private folder for a cluster, gone with whatever is in it when it is disposed of, and when this process ends in whatever way. */
export type ScratchFolder = AsyncDisposable & {
  readonly folder: string;
  /** Whom it belongs to, as whom servers and their programs run. @default - this process */
  readonly account: ServerAccount | undefined;
  readonly watchdog: Watchdog;
};

/** Makes one below TMPDIR. */
export function openScratchFolder(): ScratchFolder {
  const account = serverAccount();
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-cluster-'));
  if (account) chownSync(folder, account.uid, account.gid);
  const watchdog = startWatchdog({ signal: 'QUIT', removeFolder: folder, account });
  return {
    ...{ folder, account, watchdog },
    async [Symbol.asyncDispose]() {
      await watchdog.release();
      // The account may not be able to.
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
