import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { demoFolder } from '../../config/files.ts';
import { freePort } from '../../servers/child-server.ts';

/** A free port for the server of that name: the one that it had last time, unless another program has taken it since. */
export async function stablePort(server: string): Promise<number> {
  const file = join(demoFolder, `${server}-port`);
  const remembered = rememberedIn(file);
  if (remembered !== undefined && (await isFree(remembered))) return remembered;
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

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
