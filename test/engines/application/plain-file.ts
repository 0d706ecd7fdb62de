import type { Entry } from '../../../lib/engines/application/tree/entry.ts';

/** An entry of an empty file with nothing special about it. */
export const plainFile: Entry = {
  path: Buffer.from('file'),
  kind: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: 0n,
  size: 0,
  xattrs: [],
};
