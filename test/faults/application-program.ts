import type { Manifest } from '../../lib/core/manifest.ts';
import type { RestoreRun } from '../../lib/core/requests.ts';
import type { Format, Method } from '../../lib/core/vocabulary.ts';
import { over } from '../conformance/installation.ts';

/** What the program is to do. */
export type Wanted =
  | { readonly backUp: { readonly method: Method; readonly format: Format; readonly execution: string } }
  | { readonly restore: Pick<Manifest, 'target' | 'backupId'>; readonly run: Partial<RestoreRun> };

// A program of its own, to be killed: it takes a backup, or restores one.
if (import.meta.main) {
  const [, , configFile = '', wanted = ''] = process.argv;
  const installation = over(
    configFile,
    () => Promise.reject(new Error('has one key')),
    async () => {},
  );
  const what = JSON.parse(wanted) as Wanted;
  await ('backUp' in what
    ? installation.backUp(what.backUp)
    : installation.restore(what.restore as Manifest, what.run));
}
