import { parseArgs } from 'node:util';
import type { Format, Method } from '../../lib/core/vocabulary.ts';
import { over } from './installation.ts';

/** Takes a backup, and is killed when it comes to the phase: nothing of its own is asked. */
const { values } = parseArgs({
  options: {
    config: { type: 'string' },
    method: { type: 'string' },
    format: { type: 'string' },
    execution: { type: 'string' },
    phase: { type: 'string' },
  },
});
const { config = '', method = '', format = '', execution = '' } = values;
const installation = over(
  config,
  () => Promise.reject(new Error('has one key')),
  async () => {},
  ({ phase }) => {
    if (phase === values.phase) process.kill(process.pid, 'SIGKILL');
  },
);
await installation.backUp({ method: method as Method, format: format as Format, execution });
