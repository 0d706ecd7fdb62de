import { readFile } from 'node:fs/promises';
import type { Lane } from './lane.ts';
import { play } from './play.ts';
import type { Shared } from './shared.ts';
import type { Contents } from './store-contents.ts';
import { openWorld } from './world.ts';

/** A store in which last night's backup is, and the text of the key file that opens it. */
export type Yesterday = { readonly contents: Contents; readonly keyFile: string };

/** Makes last night's backup, once. */
export function yesterdayOf(shared: Shared, lane: Lane): () => Promise<Yesterday> {
  let made: Promise<Yesterday> | undefined;
  return () => {
    made ??= take(shared, lane);
    return made;
  };
}

async function take(shared: Shared, lane: Lane): Promise<Yesterday> {
  const setting = { store: 'file', source: 'small', algorithm: 'aes-256-gcm' } as const;
  await using world = await openWorld({ shared, lane, setting });
  const clock = () => new Date(Date.now() - 24 * 3_600_000);
  const { ending, failure, log } = await play({ world, lane, execution: 'last-night', clock });
  if (ending !== 'completed') throw new Error(`last night's backup failed: ${failure?.message}\n${log}`);
  return { contents: await world.raw.readAll(), keyFile: await readFile(world.keyFileName, 'utf8') };
}
