import type { Omissions } from '../../../core/manifest.ts';
import { filesWithDamage } from '../base/damaged-pages.ts';

/**
 * Tells of a finding whether it is a page that was damaged on the source already, as the backup itself says: those of a file of which some pages are
 * named, for a server names no more than a few of each; any page, when there is damage that has no name.
 */
export function knownDamage(omissions: Omissions | undefined): (finding: string) => boolean {
  const files = filesWithDamage(omissions)?.map(placeOf);
  return (finding) => {
    const file = fileIn(finding);
    return file !== undefined && (files === undefined || files.includes(placeOf(file)));
  };
}

/** The file whose page a server cannot read, or pg_checksums finds to be other than its checksum. */
const fileIn = (finding: string): string | undefined =>
  /invalid page in block \d+ of relation "?([^"\s]+)/.exec(finding)?.[1] ??
  /checksum verification failed in file "([^"]+)"/.exec(finding)?.[1];

/** Wherever the cluster's folder and its tablespaces lie: a server names a relation's first file for all of them. */
const placeOf = (file: string): string =>
  file.replace(/^.*\/(?=PG_\d|base\/\d+\/\d|global\/\d)/, '').replace(/\.\d+$/, '');
