import { HoldfastError } from '../../../core/errors.ts';
import type { Connection } from '../connection.ts';
import { Refusal } from '../errors.ts';
import { openSession, type Reply, type Session } from '../protocol/session.ts';
import { textOf } from '../server.ts';

/** A part of a cluster: its primary, and the slots that it serves. */
export type Shard = {
  readonly node: string;
  readonly host: string;
  readonly port: number;
  readonly slots: readonly (readonly [number, number])[];
};

export const slotCount = 16_384;

/** The shards of the cluster that the session's server is a node of, by their first slots. Rejects when a slot has no server. */
export async function readShards(session: Session): Promise<readonly Shard[]> {
  const ranges = (await session.ask(['CLUSTER', 'SLOTS'])) as readonly (readonly Reply[])[];
  const shards = new Map<string, { host: string; port: number; slots: (readonly [number, number])[] }>();
  let served = 0;
  for (const range of ranges) {
    const [from, to] = [Number(range[0]), Number(range[1])];
    const [address, port, id] = range[2] as readonly Reply[];
    const node = textOf(id);
    // A node that does not know its own name leaves it out.
    const shard = shards.get(node) ?? {
      host: textOf(address) || session.connection.host,
      port: Number(port),
      slots: [],
    };
    shard.slots.push([from, to]);
    served += to - from + 1;
    shards.set(node, shard);
  }
  if (served !== slotCount)
    throw new HoldfastError('source-unreachable', `the cluster serves ${served} of its ${slotCount} slots`, {
      hint: "'redis-cli --cluster check' says which primary is missing",
    });
  return [...shards]
    .map(([node, { slots, ...rest }]) => ({ node, ...rest, slots: slots.sort((one, other) => one[0] - other[0]) }))
    .sort((one, other) => firstSlot(one) - firstSlot(other));
}

/**
 * Rejects with `source-busy` when slots went from one shard to another since `shards` were read, or are on their way to or from the one that the
 * connection is of: a key that moved behind a shard's snapshot is in none, or in two. Gives a remark where the server does not tell all of it.
 */
export async function requireSameSlots(
  connection: Connection,
  shards: readonly Shard[],
  signal: AbortSignal,
): Promise<string | undefined> {
  await using session = await openSession(connection, signal);
  if (rangesOf(await readShards(session)) !== rangesOf(shards)) throw slotsMove();
  try {
    const nodes = textOf(await session.ask(['CLUSTER', 'NODES']));
    // As `[93->-<node>]` and `[93-<-<node>]`, in the line of the one that is asked.
    if (/^\S+ \S+ \S*myself.* \[\d+-[<>]-/m.test(nodes)) throw slotsMove();
    return undefined;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return "whether slots were on their way was not told: allow the backup user '+cluster|nodes'";
  }
}

const slotsMove = (): HoldfastError =>
  new HoldfastError('source-busy', 'slots of the cluster move: keys may be missing, or there twice', {
    hint: "back up when none do; 'redis-cli --cluster check' shows slots that a resharding has left open",
  });

/** Which slots stand together. Nodes take the place of others without a change of it. */
const rangesOf = (shards: readonly Shard[]): string =>
  shards
    .map(({ slots }) => slots.map((range) => range.join('-')).join(' '))
    .sort()
    .join('; ');

export const firstSlot = ({ slots }: Pick<Shard, 'slots'>): number => slots[0]?.[0] ?? 0;

/** How to reach a shard's primary: as the cluster was reached. */
export const shardConnection = (connection: Connection, { host, port }: Shard): Connection => ({
  ...connection,
  host,
  port,
});

/** The slot of a key: of what stands between its first braces, if anything does. */
export function slotOf(key: Uint8Array): number {
  const open = key.indexOf(0x7b);
  const close = open < 0 ? -1 : key.indexOf(0x7d, open + 1);
  const hashed = close > open + 1 ? key.subarray(open + 1, close) : key;
  let crc = 0;
  for (const byte of hashed) crc = ((crc << 8) ^ (crcTable[((crc >> 8) ^ byte) & 0xff] as number)) & 0xffff;
  return crc % slotCount;
}

/** CRC-16 of XMODEM. */
const crcTable = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc & 0xffff;
});
