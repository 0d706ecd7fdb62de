import path from 'node:path';
import type { Progress } from '../../lib/local/run-installer.ts';
import { ensurePythonPackages } from './python-packages.ts';

/** The Python that has AWS's own command line as a module, by which commands in documents are checked. */
export async function ensureAwsCli(progress: Progress): Promise<string> {
  return path.join(await ensurePythonPackages(['awscli==1.46.3'], progress), 'bin/python');
}
