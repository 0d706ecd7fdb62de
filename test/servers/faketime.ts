import { existsSync, globSync } from 'node:fs';
import { ensureDebianPrograms } from '../../scripts/servers/debian-programs.ts';
import { ServerMissing } from '../../scripts/servers/server-missing.ts';

/** The library that gives a program another clock, when it is preloaded: https://github.com/wolfcw/libfaketime */
export async function faketimeLibrary(): Promise<string> {
  await ensureDebianPrograms({ faketime: 'faketime' }, (line) => console.error(line));
  const places = [
    '/usr/lib/*/faketime/libfaketime.so.1',
    '/usr/lib/faketime/libfaketime.so.1',
    '/usr/local/lib/faketime/libfaketime.so.1',
  ];
  const found = places.flatMap((place) => globSync(place)).find((file) => existsSync(file));
  if (found) return found;
  throw new ServerMissing(`faketime is installed, and its library is in none of ${places.join(', ')}`, [
    'install the package faketime of your system',
  ]);
}
