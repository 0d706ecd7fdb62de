import { planParts } from '../../../lib/core/part-plan.ts';
import { openDirectoryStore } from '../../../lib/store/directory-store.ts';

// Writes objects of one repeated byte in all ways that there are until it is killed. Prints a line when the first is there.
const [folder = '', round = ''] = process.argv.slice(2);
const store = await openDirectoryStore(folder);
const parts = planParts({ partBytes: 1_000_000 });
for (let i = 0; ; i += 1) {
  const byte = i % 256;
  const upload = await store.beginUpload(`${round}/upload-${i}`, { condition: 'absent', parts });
  await Promise.all([1, 2, 3].map((n) => upload.writePart(n, Buffer.alloc(1_000_000, byte))));
  await Promise.all([
    upload.complete(),
    store.put(`${round}/put-${i}`, Buffer.alloc(3_000_000, byte), {
      condition: 'absent',
      tags: { byte: String(byte) },
    }),
    store.put(`${round}/replaced`, Buffer.alloc(100_000, byte)),
    store.put('shared/replaced', Buffer.alloc(100_000, byte)),
  ]);
  if (i === 0) console.log('begun');
}
