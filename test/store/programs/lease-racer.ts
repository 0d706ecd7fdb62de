import { HoldfastError } from '../../../lib/core/errors.ts';
import { openDirectoryStore } from '../../../lib/store/directory-store.ts';
import { acquireLease } from '../../../lib/store/lease.ts';

// Tries to take the leases 0 … count-1 of a folder, and prints which it won and which were another's.
const [folder = '', holder = '', count = '0'] = process.argv.slice(2);
const store = await openDirectoryStore(folder);
const won: number[] = [];
const refused: number[] = [];
for (let i = 0; i < Number(count); i += 1) {
  try {
    const clock = (): Date => new Date();
    await acquireLease(store, `leases/race/${i}.json`, { holder, description: holder, ttlSeconds: 600, clock });
    won.push(i);
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'lease-held') throw error;
    refused.push(i);
  }
}
console.log(JSON.stringify({ won, refused }));
