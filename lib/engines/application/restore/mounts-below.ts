import { readFileSync } from 'node:fs';

/** Where file systems are mounted below a folder, which is named without links; empty where the system does not tell (only Linux does). */
export function mountsBelow(folder: string): readonly string[] {
  if (process.platform !== 'linux') return [];
  const begins = `${Buffer.from(folder).toString('latin1').replace(/\/$/, '')}/`;
  return readFileSync('/proc/self/mountinfo', 'latin1')
    .split('\n')
    .map((line) => (line.split(' ')[4] ?? '').replaceAll(/\\([0-7]{3})/g, (_, digits) => fromOctal(String(digits))))
    .filter((place) => place.startsWith(begins))
    .map((place) => Buffer.from(place, 'latin1').toString());
}

/** Spaces, tabs, line feeds and backslashes stand there as three octal digits. */
const fromOctal = (digits: string): string => String.fromCharCode(Number.parseInt(digits, 8));
