import { open, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename } from 'node:path';
import { HoldfastError } from '../core/errors.ts';
import type { WalConflict } from '../core/health.ts';
import type { TargetName } from '../core/ids.ts';
import { walConflictKey } from '../core/object-keys.ts';
import { formatLsn } from '../engines/postgres/replication/lsn.ts';
import { parseSegmentName } from '../engines/postgres/replication/wal-segments.ts';
import { putJson } from '../store/text.ts';
import type { WalContext } from './wal-context.ts';
import { WalKeys } from './wal-keys.ts';
import { parseWalName } from './wal-names.ts';
import { type WalFile, type Written, walWriter } from './write-wal.ts';

/** Begins every segment: magic number, flags, timeline, address, length left over; then, in the long form, system identifier and segment size. */
const longHeaderBytes = 40;
const systemIdentifierAt = 24;
const segmentSizeAt = 32;

/**
 * Stores a file of WAL that the server wants archived, as `archive_command` calls for it, under its own name. Resolves when it is durable in
 * the store, be it by this call, an earlier one, or a receiver; so it may be called again after any crash. The file stays as it is. Rejects with
 * `wal-conflict` when the store has other bytes under that name.
 */
export async function pushWal(
  context: WalContext,
  target: TargetName,
  file: { readonly path: string; readonly controlFile: string },
): Promise<Written & { readonly name: string; readonly systemIdentifier: string }> {
  const name = basename(file.path);
  const parsed = parseWalName(name);
  if (parsed === undefined || parsed.kind === 'piece')
    throw new HoldfastError('usage', `'${name}' is no name that a server gives its WAL`, {
      hint: "in archive_command, say 'holdfast wal push %p'",
    });
  const plain = await readFile(file.path).catch((cause: unknown) => {
    throw new HoldfastError('usage', `'${file.path}' cannot be read`, {
      hint: 'run it in the data directory, as the server runs archive_command',
      cause,
    });
  });
  const control = await readControlFile(file.controlFile);
  const { systemIdentifier, segmentBytes } = parsed.kind === 'segment' ? checkedHeader(plain, name, control) : control;
  const keys = new WalKeys(context, target, systemIdentifier);
  const writer = walWriter(context, { target, systemIdentifier }, () => keys.shared());
  const place = parsed.kind === 'segment' ? parseSegmentName(name, segmentBytes) : undefined;
  const written: WalFile = {
    name,
    segmentBytes,
    ...(place === undefined ? {} : { from: formatLsn(place.start), to: formatLsn(place.start + BigInt(segmentBytes)) }),
    plain,
  };
  try {
    return { ...(await writer.write(written)), name, systemIdentifier };
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'wal-conflict')
      await tell(context, target, { systemIdentifier, message: error.message });
    throw error;
  }
}

/** Leaves word for the watch: nobody looks into the log of a server that should not be there. */
async function tell(
  { store, clock }: WalContext,
  target: TargetName,
  what: Pick<WalConflict, 'systemIdentifier' | 'message'>,
): Promise<void> {
  const conflict: WalConflict = { formatVersion: 1, at: clock().toISOString(), host: hostname(), ...what };
  // Who may not write this is refused all the same, and that is what counts.
  await putJson(store, walConflictKey(target), conflict).catch(() => {});
}

/** Of which system a server is whose control file that is, and how long its segments are. */
export async function readControlFile(
  path: string,
): Promise<{ readonly systemIdentifier: string; readonly segmentBytes: number }> {
  const handle = await open(path).catch((cause: unknown) => {
    throw new HoldfastError('usage', `the server's control file '${path}' cannot be read`, {
      hint: 'run it in the data directory, as the server runs archive_command and restore_command, or say --data-directory',
      cause,
    });
  });
  try {
    const bytes = Buffer.alloc(8192);
    await handle.read(bytes, 0, bytes.length, 0);
    return { systemIdentifier: bytes.readBigUInt64LE(0).toString(), segmentBytes: segmentSizeIn(bytes) };
  } finally {
    await handle.close();
  }
}

/**
 * Where the segment's size stands in a control file varies with the version; but it follows the sizes of a page of a table, of a segment of a
 * table (in pages) and of a page of WAL, which are 8192, 131072 and 8192 in every build that is distributed (ControlFileData in
 * src/include/catalog/pg_control.h). Without it, what all clusters have that were not made otherwise.
 */
function segmentSizeIn(control: Buffer): number {
  for (let at = 8; at + 16 <= 512; at += 4) {
    const isThere =
      control.readUInt32LE(at) === 8192 &&
      control.readUInt32LE(at + 4) === 131_072 &&
      control.readUInt32LE(at + 8) === 8192;
    if (isThere) return control.readUInt32LE(at + 12);
  }
  return 16 * 1024 * 1024;
}

/** What a segment says of itself. Throws `corrupt` when it is not whole, or is not that of its name. */
function checkedHeader(
  plain: Buffer,
  name: string,
  control: { readonly systemIdentifier: string },
): { readonly systemIdentifier: string; readonly segmentBytes: number } {
  const damaged = (what: string): HoldfastError =>
    new HoldfastError('corrupt', `the file '${name}' ${what}`, {
      hint: "is the server's disk full, or damaged? Nothing was stored",
    });
  if (plain.length < longHeaderBytes) throw damaged(`is ${plain.length} bytes long, and no segment of WAL`);
  const segmentBytes = plain.readUInt32LE(segmentSizeAt);
  if (plain.length !== segmentBytes)
    throw damaged(`is ${plain.length} bytes long, and its header says ${segmentBytes}`);
  const systemIdentifier = plain.readBigUInt64LE(systemIdentifierAt).toString();
  if (systemIdentifier !== control.systemIdentifier)
    throw damaged(`is of system ${systemIdentifier}, and this server is ${control.systemIdentifier}`);
  const place = parseSegmentName(name, segmentBytes);
  if (place === undefined || plain.readBigUInt64LE(8) !== place.start)
    throw damaged('begins at another position than its name says');
  return { systemIdentifier, segmentBytes };
}
