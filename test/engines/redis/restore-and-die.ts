import { readFile } from 'node:fs/promises';
import type { StreamRecord } from '../../../lib/core/manifest.ts';
import { redisEngine } from '../../../lib/engines/redis/redis-engine.ts';
import { contextFor } from './run-engine.ts';

/** Restores a saved stream with `replace`, and is killed when half of it was given. */
const [, , port = '', recordFile = '', bytesFile = ''] = process.argv;
const record = JSON.parse(await readFile(recordFile, 'utf8')) as StreamRecord;
const bytes = await readFile(bytesFile);
async function* open() {
  for (let at = 0; at < bytes.length / 2; at += 1000) {
    yield Buffer.from(bytes.subarray(at, at + 1000));
    // Time for the server to have some of it.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  process.kill(process.pid, 'SIGKILL');
}
using context = contextFor({ host: '127.0.0.1', port: Number(port) });
await redisEngine().restore(context, {
  streams: [{ record, destination: 'server', open }],
  replace: true,
  source: {},
});
