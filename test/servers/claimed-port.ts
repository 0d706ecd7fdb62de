import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { claimFile } from '../../lib/servers/claim-file.ts';
import { canListen, drawPort } from '../../lib/servers/free-port.ts';
import { livingProcess, processIdentity } from '../../lib/servers/process-identity.ts';

export type ClaimedPort = { readonly port: number; release(): void };

/** The same for all test files, though some name another folder for what they make. */
const claims = path.join(tmpdir(), `holdfast-ports-${process.getuid?.() ?? 'all'}`);

/** A free port that nobody else claims until it is released or this process ends: also not while the server that has it is being restarted. */
export async function claimedPort(): Promise<ClaimedPort> {
  mkdirSync(claims, { recursive: true });
  for (let tries = 0; tries < 1000; tries++) {
    const port = drawPort();
    const claimed = claimFile(path.join(claims, String(port)), {
      text: processIdentity(process.pid) ?? String(process.pid),
      isGone: (_, text) => livingProcess(text) === undefined,
    });
    if (!('claim' in claimed)) continue;
    // Not before: to listen, be it for a moment, would be in the way of the server that has the port.
    if (await canListen(port)) return { port, release: () => claimed.claim.release() };
    claimed.claim.release();
  }
  throw new Error('of a thousand ports none was free');
}
