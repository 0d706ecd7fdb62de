import { createHash } from 'node:crypto';
import * as z from 'zod';
import { HoldfastError } from '../../../../core/errors.ts';
import type { Content } from '../../../../core/manifest.ts';
import { parsedJson } from '../../../../core/parsed-json.ts';
import { FolderSums } from './folder-sums.ts';

/** A file of the manifest; https://www.postgresql.org/docs/current/backup-manifest-files.html */
const fileSchema = z.object({
  Path: z.string().optional(),
  'Encoded-Path': z.string().optional(),
  Size: z.number().int().nonnegative(),
  'Checksum-Algorithm': z.string().optional(),
  Checksum: z.string().optional(),
});

/** Longer than any line with a path that a server sends. */
const longestLine = 64 * 1024;

const checksumName = '"Manifest-Checksum"';

/**
 * Reads the manifest that a server writes of its backup, line by line: a file to a line, in fixed memory however many there are. Throws
 * `corrupt` for what is none, and `dump-incomplete` when it does not end with the checksum of itself.
 */
export class ManifestInspector {
  readonly #sums = new FolderSums();
  readonly #hash = createHash('sha256');
  #rest: Buffer = Buffer.alloc(0);
  #bytes = 0;
  #state: 'head' | 'files' | 'tail' | 'ended' = 'head';
  #hasFiles = false;

  write(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    let bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : Buffer.from(chunk);
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a)) {
      this.#line(bytes.subarray(0, end + 1));
      bytes = bytes.subarray(end + 1);
    }
    if (bytes.length > longestLine) throw this.#corrupt('a line of it does not end');
    this.#rest = bytes;
  }

  end(): Content {
    if (this.#state !== 'ended' || this.#rest.length > 0)
      throw new HoldfastError('dump-incomplete', `the server's manifest breaks off after ${this.#bytes} bytes`);
    return this.#sums.content();
  }

  #line(bytes: Buffer): void {
    const line = bytes.toString('utf8').trim();
    if (line.startsWith(checksumName)) {
      this.#conclude(line);
      return;
    }
    this.#hash.update(bytes);
    if (this.#state === 'head') this.#head(line);
    else if (this.#state === 'files') this.#file(line);
    else if (this.#state === 'ended') throw this.#corrupt('something follows its end');
  }

  #head(line: string): void {
    if (this.#bytes > 0 && !this.#hasFiles && !line.startsWith('{') && !line.startsWith('"'))
      throw this.#corrupt('it does not begin as one');
    if (!line.startsWith('"Files": [')) return;
    this.#hasFiles = true;
    this.#state = line.endsWith('],') ? 'tail' : 'files';
  }

  #file(line: string): void {
    if (line === '],') {
      this.#state = 'tail';
      return;
    }
    const file = fileSchema.safeParse(parsedJson(line.replace(/,$/, '')));
    const path = file.success ? pathOf(file.data) : undefined;
    if (!file.success || path === undefined) throw this.#corrupt('a line of it describes no file');
    const { Checksum: sha256, 'Checksum-Algorithm': algorithm, Size: sizeBytes } = file.data;
    // Of the WAL that `pg_combinebackup` takes over it says no more than that it is there. WAL is proved by itself.
    if (sha256 === undefined && path.startsWith('pg_wal/')) return;
    if (algorithm !== 'SHA256' || sha256 === undefined) throw this.#corrupt(`'${path}' has no SHA-256 in it`);
    this.#sums.add({ path, sizeBytes, sha256 });
  }

  #conclude(line: string): void {
    const [, said] = /^"Manifest-Checksum": "([0-9a-f]{64})"\}$/.exec(line) ?? [];
    if (this.#state !== 'tail' || said === undefined) throw this.#corrupt('it ends where it should not');
    if (this.#hash.digest('hex') !== said) throw this.#corrupt('its checksum is wrong');
    this.#state = 'ended';
  }

  #corrupt(what: string): HoldfastError {
    return new HoldfastError('corrupt', `the server's manifest of the backup is damaged: ${what}`);
  }
}

/** Paths that are no UTF-8 come as hexadecimal digits. */
function pathOf({ Path: path, 'Encoded-Path': encoded }: z.infer<typeof fileSchema>): string | undefined {
  if (path !== undefined) return Buffer.from(path, 'utf8').toString('latin1');
  return encoded === undefined ? undefined : Buffer.from(encoded, 'hex').toString('latin1');
}
