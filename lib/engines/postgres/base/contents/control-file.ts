import { HoldfastError } from '../../../../core/errors.ts';
import { crc32c } from './crc32c.ts';

/** What the file `global/pg_control` says of its cluster. */
export type ControlFile = {
  readonly systemIdentifier: string;
  /** When the last checkpoint began: all that was committed before is in the cluster's WAL. */
  readonly checkpointAt: Date;
};

/** Where the checksum over everything before it stands, by the version of the file (src/include/catalog/pg_control.h). */
const checksumAt: Readonly<Record<number, number>> = { 1300: 288, 1700: 288, 1800: 292 };

/** As versions 13 to 18 write it on machines that count from the low end. Throws `corrupt`. */
export function parseControlFile(bytes: Buffer): ControlFile {
  requireWhole(bytes);
  return {
    systemIdentifier: bytes.readBigUInt64LE(0).toString(),
    checkpointAt: new Date(Number(bytes.readBigInt64LE(104)) * 1000),
  };
}

/** The same file, of a cluster that bears another identifier. Throws `corrupt`. */
export function withSystemIdentifier(bytes: Buffer, systemIdentifier: bigint): Buffer {
  const at = requireWhole(bytes);
  const changed = Buffer.from(bytes);
  changed.writeBigUInt64LE(systemIdentifier, 0);
  changed.writeUInt32LE(crc32c(changed.subarray(0, at)), at);
  return changed;
}

/** Where the file's checksum stands, which is right. */
function requireWhole(bytes: Buffer): number {
  if (bytes.length < 512) throw new HoldfastError('corrupt', `pg_control has ${bytes.length} bytes`);
  const version = bytes.readUInt32LE(8);
  const at = checksumAt[version];
  if (at === undefined) throw new HoldfastError('corrupt', `pg_control is of version ${version}, which is not known`);
  if (crc32c(bytes.subarray(0, at)) !== bytes.readUInt32LE(at))
    throw new HoldfastError('corrupt', 'the checksum of pg_control is wrong', {
      hint: 'it was read while the server wrote it, or its disk is damaged: take the backup again',
    });
  return at;
}
