import path from 'node:path';
import type { Progress } from '../../lib/local/run-installer.ts';
import { ensurePythonPackages } from './python-packages.ts';

/** The absolute path of schemathesis, installed when it is missing: it makes up requests from an OpenAPI document, good ones and bad ones. */
export async function ensureSchemathesis(progress: Progress): Promise<string> {
  return path.join(await ensurePythonPackages(['schemathesis==4.32.5'], progress), 'bin/schemathesis');
}
