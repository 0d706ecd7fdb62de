import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { demoFolder } from '../../config/files.ts';
import { canListen, freePort } from '../../servers/free-port.ts';

/** A free port for the server of that name: the one that it had last time, unless another program has taken it since. */
export async function stablePort(server: string): Promise<number> {
  const file = join(demoFolder, `${server}-port`);
  const remembered = rememberedIn(file);
  if (remembered !== undefined && (await canListen(remembered))) return remembered;
  const port = await freePort();
  writeFileSync(file, String(port));
  return port;
}

/** The port that was written to the file at an earlier start. */
export function rememberedIn(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}
