import { openLibc } from '../native/libc.ts';

/** What a backup or a copy lacks on a machine where the C library cannot be called. */
export function attributesRemark(): readonly string[] {
  return openLibc() === undefined
    ? ['extended attributes and access control lists were left out: this machine has no binding to its C library']
    : [];
}
