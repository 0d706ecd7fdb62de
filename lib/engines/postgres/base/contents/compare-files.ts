import { isDeepStrictEqual } from 'node:util';
import { HoldfastError } from '../../../../core/errors.ts';
import { firstFew } from '../../../../core/first-few.ts';
import type { Content } from '../../../../core/manifest.ts';

/** Throws `dump-incomplete`, naming the folders, unless the archives hold exactly the files that the server's manifest lists. */
export function requireSameFiles(manifest: Content, archives: readonly Content[]): void {
  const sent = new Map(archives.flatMap(({ tables }) => tables.map((folder) => [folder.name, folder] as const)));
  const listed = new Map(manifest.tables.map((folder) => [folder.name, folder] as const));
  const different = [...new Set([...listed.keys(), ...sent.keys()])].filter(
    (name) => !isDeepStrictEqual(listed.get(name), sent.get(name)),
  );
  if (different.length === 0) return;
  const names = different.map((name) => `'${name}'`);
  throw new HoldfastError(
    'dump-incomplete',
    `the files of ${firstFew(names)} are not those of the server's own manifest of the backup`,
    { hint: 'something between the server and here altered what was sent: take the backup again' },
  );
}
