import { readFileSync } from 'node:fs';
import { postgresEngine } from '../../../lib/engines/postgres/postgres-engine.ts';
import { planned } from '../saved-streams.ts';
import { contextFor, testTools } from './run-engine.ts';

/**
 * Run as a process of its own: restores the saved stream over its database, and kills itself the moment it comes to the phase named, as
 * a machine that loses power would; at `half` it does so when half of the archive has gone to pg_restore. Argument: JSON with `server`, `phase`, `record`, `file`, `destination`.
 */
const { server, phase, record, file, destination } = JSON.parse(process.argv[2] ?? '');
const context = contextFor(server, {
  progress: (event) => {
    if (event.phase === phase) process.kill(process.pid, 'SIGKILL');
  },
});
const bytes = readFileSync(file);
const stream = planned({ record, bytes }, destination);
async function* half() {
  yield bytes.subarray(0, bytes.length / 2);
  // By the time it asks for more, the first half is on its way.
  process.kill(process.pid, 'SIGKILL');
}
const streams = [phase === 'half' ? { ...stream, open: half } : stream];
await postgresEngine({ findTools: testTools }).restore(context, { streams, replace: true, source: {} });
