import { createClient, RESP_TYPES } from 'redis';

/** What somebody writes with the official client: SCAN, and DUMP of a page's keys side by side, which the client pipelines. Counts the bytes. */
const port = Number(process.argv[2]);
const client = createClient({ socket: { port } }).withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
await client.connect();
let bytes = 0;
for await (const keys of client.scanIterator({ COUNT: 1000 })) {
  const payloads = await Promise.all(keys.map((key) => client.dump(key)));
  for (const payload of payloads) bytes += payload?.length ?? 0;
}
console.log(bytes);
await client.close();
