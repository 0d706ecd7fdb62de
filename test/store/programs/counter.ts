import { HoldfastError } from '../../../lib/core/errors.ts';
import { openDirectoryStore } from '../../../lib/store/directory-store.ts';

// Adds one to the number in the object `count` as often as it is told, by conditional replacement.
const [folder = '', times = '0'] = process.argv.slice(2);
const store = await openDirectoryStore(folder);
for (let done = 0; done < Number(times); ) {
  const { body, etag } = await store.get('count');
  let text = '';
  for await (const chunk of body) text += Buffer.from(chunk).toString();
  try {
    await store.put('count', Buffer.from(String(Number(text) + 1)), { condition: { etag } });
    done += 1;
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'already-exists') throw error;
  }
}
