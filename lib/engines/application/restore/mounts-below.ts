import { readFileSync } from 'node:fs';

/** Where file systems are mounted below a folder, which is named without links; empty where the system does not tell (only Linux does). */
export function mountsBelow(folder: string): readonly string[] {
  const begins = `${latin(folder).replace(/\/$/, '')}/`;
  return mountPoints()
    .filter((place) => place.startsWith(begins))
    .map((place) => Buffer.from(place, 'latin1').toString());
}

/** Is something mounted at a folder, which is named without links? A folder of the same file system may be, and has its device's number. */
export function isMountPoint(folder: string): boolean {
  return mountPoints().includes(latin(folder));
}

function mountPoints(): readonly string[] {
  if (process.platform !== 'linux') return [];
  return readFileSync('/proc/self/mountinfo', 'latin1')
    .split('\n')
    .map((line) => (line.split(' ')[4] ?? '').replaceAll(/\\([0-7]{3})/g, (_, digits) => fromOctal(String(digits))));
}

const latin = (path: string): string => Buffer.from(path).toString('latin1');

/** Spaces, tabs, line feeds and backslashes stand there as three octal digits. */
const fromOctal = (digits: string): string => String.fromCharCode(Number.parseInt(digits, 8));
