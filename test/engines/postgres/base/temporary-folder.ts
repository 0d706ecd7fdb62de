import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { serverAccount } from '../../../../lib/servers/server-account.ts';

/** A folder of the account that runs test servers, gone with the test; `name` stands somewhere in its own. */
export function temporaryFolder(stack: AsyncDisposableStack, name = ''): string {
  const folder = mkdtempSync(path.join(tmpdir(), `holdfast-base${name}-`));
  const account = serverAccount();
  if (account) chownSync(folder, account.uid, account.gid);
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
