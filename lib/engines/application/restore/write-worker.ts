import { workerData } from 'node:worker_threads';
import { SafeFolder } from './safe-folder.ts';
import { StepWriter } from './step-writer.ts';
import { failureOf, type ToWriter, type WriterData } from './write-messages.ts';

// A thread that writes files, and does nothing else: it waits for each one, so that nobody else has to.

const { root, port } = workerData as WriterData;
const folder = new SafeFolder(Buffer.from(root, 'latin1'));
const writer = new StepWriter(folder);
let isFailed = false;

const take = (message: ToWriter | 'end'): void => {
  if (message === 'end') {
    port.postMessage(writer.end());
    return;
  }
  const { steps, bytes } = message;
  for (const step of steps) writer.take(step, bytes);
  port.postMessage({ taken: bytes.length, spare: bytes.buffer }, [bytes.buffer]);
};

port.on('message', (message: ToWriter | 'end' | 'stop') => {
  if (message === 'stop') {
    writer.close();
    folder.close();
    port.close();
    return;
  }
  // Whoever was told of a failure ends everything; what was under way by then is for nothing.
  if (isFailed) return;
  try {
    take(message);
  } catch (error) {
    isFailed = true;
    port.postMessage({ failure: failureOf(error) });
  }
});
