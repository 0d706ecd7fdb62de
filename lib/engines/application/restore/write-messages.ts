import type { MessagePort } from 'node:worker_threads';
import { type ErrorCode, errorTable } from '../../../core/error-table.ts';
import { HoldfastError } from '../../../core/errors.ts';
import type { Entry } from '../tree/entry.ts';
import { codeOf } from '../tree/omission.ts';
import type { FolderSum } from '../tree/tree-content.ts';
import type { Unset } from './entry-properties.ts';

/** A file's entry as it goes to another thread. A small buffer would take all along that it shares its memory with. */
export type FileText = Omit<Entry, 'path' | 'kind' | 'xattrs' | 'target' | 'device' | 'signature'> & {
  readonly path: string;
  readonly xattrs: readonly (readonly [name: string, value: string])[];
};

/** A piece of a file, whose content is in the message's bytes. */
export type WriteStep = {
  readonly path: string;
  readonly position: number;
  readonly start: number;
  readonly length: number;
  /** The file is made for it, and as large as this. */
  readonly size?: number;
  /** Pages of zeros stay holes. */
  readonly isSparse: boolean;
  /** It is the last one: the file gets its properties. `digest` stands for its content. */
  end?: { readonly file: FileText; readonly digest: string };
};
/** The file that was ended last of that path is taken back. */
export type RemoveStep = { readonly removed: string };

export type ToWriter = { readonly steps: readonly (WriteStep | RemoveStep)[]; readonly bytes: Uint8Array<ArrayBuffer> };

/** That so many bytes were written, whose memory comes back; at the end what was made; or why not. */
export type FromWriter =
  | { readonly taken: number; readonly spare: ArrayBuffer }
  | { readonly sums: readonly FolderSum[]; readonly unset: readonly Unset[] }
  | { readonly failure: Failure };

/** What a writing thread begins with. */
export type WriterData = { readonly root: string; readonly port: MessagePort };

/** An error as it goes to another thread, which forgets all but its text. */
export type Failure = { readonly message: string; readonly code?: string; readonly hint?: string };

export const failureOf = (error: unknown): Failure => {
  if (error instanceof HoldfastError) return { message: error.message, code: error.code, hint: error.hint };
  const code = codeOf(error);
  return { message: error instanceof Error ? error.message : String(error), ...(code !== undefined && { code }) };
};

/** The error that was described so. */
export function errorOf({ message, code = '', hint }: Failure): Error {
  if (hint !== undefined && code in errorTable) return new HoldfastError(code as ErrorCode, message, { hint });
  return Object.assign(new Error(message), code === '' ? {} : { code });
}

export const textOfFile = ({ path, mode, uid, gid, mtime, size, isSparse, xattrs }: Entry): FileText => ({
  path: path.toString('latin1'),
  mode,
  uid,
  gid,
  mtime,
  size,
  ...(isSparse && { isSparse }),
  xattrs: xattrs.map(([name, value]) => [name.toString('latin1'), value.toString('latin1')]),
});

export const fileOfText = ({ path, xattrs, ...rest }: FileText): Entry => ({
  ...rest,
  kind: 'file',
  path: Buffer.from(path, 'latin1'),
  xattrs: xattrs.map(([name, value]) => [Buffer.from(name, 'latin1'), Buffer.from(value, 'latin1')]),
});
