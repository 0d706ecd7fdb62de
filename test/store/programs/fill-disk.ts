import { HoldfastError } from '../../../lib/core/errors.ts';
import { openDirectoryStore } from '../../../lib/store/directory-store.ts';

// Writes more than fits, by put and by upload, and prints how each of them failed. Without the handler the signal would end it.
process.on('SIGXFSZ', () => undefined);
const store = await openDirectoryStore(process.argv[2] ?? '');
const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'succeeded',
    (error: unknown) => (error instanceof HoldfastError ? error.code : String(error)),
  );

const put = await codeOf(store.put('large/put', Buffer.alloc(3_000_000)));
const upload = await store.beginUpload('large/upload');
const writePart = await codeOf(upload.writePart(1, Buffer.alloc(3_000_000)));
await upload.abort();
console.log(JSON.stringify({ put, writePart }));
