import { createRequire } from 'node:module';

/**
 * What the C library can do with files and Node cannot: extended attributes (ACLs and capabilities among them), times to the nanosecond, holes
 * of sparse files, fifos and devices, and two folders exchanged in one step. Paths end with a zero byte; symbolic links are not followed.
 */
export type Libc = {
  xattrs(path: Buffer): readonly Xattr[];
  setXattr(path: Buffer, name: Buffer, value: Buffer): void;
  /** Sets the time of the last change, of a path or an open file; that of the last access becomes the same. */
  setTime(place: Buffer | number, nanoseconds: bigint): void;
  /** The stretches of a file that hold data; between them are holes. */
  dataOf(fd: number, size: number): readonly Stretch[];
  makeNode(path: Buffer, mode: number, device: { readonly major: number; readonly minor: number }): void;
  /** False where the file system cannot do it. */
  exchange(one: Buffer, other: Buffer): boolean;
};

export type Xattr = readonly [name: Buffer, value: Buffer];
export type Stretch = { readonly start: number; readonly length: number };

type Koffi = {
  load(library: null): { func(prototype: string): (...values: unknown[]) => number | bigint };
  errno(): number;
  readonly os: { readonly errno: Readonly<Record<string, number>> };
};

let opened: { readonly libc: Libc | undefined } | undefined;

/** The C library; undefined where there is none that is known (only Linux's is), or its binding is not installed. */
export function openLibc(): Libc | undefined {
  opened ??= { libc: process.platform === 'linux' ? bind() : undefined };
  return opened.libc;
}

function bind(): Libc | undefined {
  let koffi: Koffi;
  try {
    // Not bundled: it is a compiled module, which stands beside the program.
    koffi = createRequire(import.meta.url)('koffi') as Koffi;
  } catch {
    return undefined;
  }
  const c = koffi.load(null);
  const llistxattr = c.func('int64_t llistxattr(void *path, void *list, size_t size)');
  const lgetxattr = c.func('int64_t lgetxattr(void *path, void *name, void *value, size_t size)');
  const lsetxattr = c.func('int lsetxattr(void *path, void *name, void *value, size_t size, int flags)');
  const utimensat = c.func('int utimensat(int folder, void *path, void *times, int flags)');
  const futimens = c.func('int futimens(int fd, void *times)');
  const lseek = c.func('int64_t lseek(int fd, int64_t offset, int whence)');
  const mknod = c.func('int mknod(void *path, uint32_t mode, uint64_t device)');
  const renameat2 = c.func('int renameat2(int from, void *path, int to, void *other, uint32_t flags)');

  const names = new Map(Object.entries(koffi.os.errno).map(([name, number]) => [number, name]));
  const failure = (call: string): NodeJS.ErrnoException => {
    const code = names.get(koffi.errno()) ?? `errno ${koffi.errno()}`;
    return Object.assign(new Error(`${code}: ${call}`), { code, syscall: call });
  };
  const checked = (call: string, result: number | bigint): number => {
    if (result < 0) throw failure(call);
    return Number(result);
  };
  const isOneOf = (...codes: string[]): boolean => codes.includes(names.get(koffi.errno()) ?? '');

  let list = Buffer.alloc(1024);
  let value = Buffer.alloc(1024);
  // As large as the kernel lets an attribute, and the list of them, become.
  const largest = 65_536;

  return {
    xattrs(path) {
      let length = llistxattr(path, list, list.length);
      if (length < 0 && isOneOf('ERANGE') && list.length < largest) {
        list = Buffer.alloc(largest);
        length = llistxattr(path, list, list.length);
      }
      if (length < 0 && isOneOf('ENOTSUP', 'ENOSYS')) return [];
      if (length === 0) return [];
      const end = checked('llistxattr', length);
      const found: Xattr[] = [];
      for (let at = 0; at < end; ) {
        const stop = list.indexOf(0, at);
        const name = Buffer.from(list.subarray(at, stop + 1));
        at = stop + 1;
        let size = lgetxattr(path, name, value, value.length);
        if (size < 0 && isOneOf('ERANGE') && value.length < largest) {
          value = Buffer.alloc(largest);
          size = lgetxattr(path, name, value, value.length);
        }
        // It went between the two calls, or is none that may be read.
        if (size < 0 && isOneOf('ENODATA', 'ENOTSUP', 'EPERM', 'EACCES')) continue;
        found.push([name.subarray(0, -1), Buffer.from(value.subarray(0, checked('lgetxattr', size)))]);
      }
      return found.sort(([one], [other]) => Buffer.compare(one, other));
    },
    setXattr(path, name, content) {
      const terminated = Buffer.concat([name, Buffer.alloc(1)]);
      checked('lsetxattr', lsetxattr(path, terminated, content, content.length, 0));
    },
    setTime(place, nanoseconds) {
      const billion = 1_000_000_000n;
      const fraction = ((nanoseconds % billion) + billion) % billion;
      const seconds = (nanoseconds - fraction) / billion;
      const times = new BigInt64Array([seconds, fraction, seconds, fraction]);
      const result =
        typeof place === 'number' ? futimens(place, times) : utimensat(atWorkingFolder, place, times, doNotFollow);
      checked('utimensat', result);
    },
    dataOf(fd, size) {
      const stretches: Stretch[] = [];
      for (let at = 0; at < size; ) {
        const from = lseek(fd, at, seekData);
        if (from < 0) {
          if (isOneOf('ENXIO')) break;
          // A file system without holes says so here, and everything is data.
          return [{ start: 0, length: size }];
        }
        const start = Number(from);
        const end = Math.min(checked('lseek', lseek(fd, start, seekHole)), size);
        if (end > start) stretches.push({ start, length: end - start });
        at = Math.max(end, start + 1);
      }
      return stretches;
    },
    makeNode(path, mode, { major, minor }) {
      const device =
        (BigInt(major & 0xfff) << 8n) |
        BigInt(minor & 0xff) |
        (BigInt(minor & ~0xff) << 12n) |
        (BigInt(major & ~0xfff) << 32n);
      checked('mknod', mknod(path, mode, device));
    },
    exchange(one, other) {
      if (renameat2(atWorkingFolder, one, atWorkingFolder, other, exchangeBoth) === 0) return true;
      if (isOneOf('EINVAL', 'ENOSYS', 'ENOTSUP')) return false;
      throw failure('renameat2');
    },
  };
}

// The kernel's numbers, the same on every processor that Node runs on.
const atWorkingFolder = -100;
const doNotFollow = 0x100;
const seekData = 3;
const seekHole = 4;
const exchangeBoth = 2;
