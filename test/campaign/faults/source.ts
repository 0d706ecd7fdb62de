import type { FaultKind } from '../fault.ts';
import { someByte } from './process.ts';

const cut: FaultKind = {
  name: 'source-cut',
  arm: (scene) => {
    const { lane, random } = scene;
    const bytes = Array.from({ length: random.pick([1, 1, 2]) }, () => someByte(scene));
    let cuts = 0;
    return {
      note: `all connections to the source break after ${bytes.join(', then ')} bytes`,
      // Of a backup one of whose parts was cut the others are kept.
      mayEnd: ['source-interrupted', 'source-unreachable', 'partial'],
      interference: {
        onTask(_task, attempt) {
          const limit = bytes[attempt - 1];
          if (limit === undefined) return;
          lane.source.at(limit, () => {
            cuts += 1;
            lane.source.cut();
          });
        },
      },
      isInjected: () => cuts > 0,
    };
  },
};

const stall: FaultKind = {
  name: 'source-stall',
  arm: (scene) => {
    const { lane, random } = scene;
    const limit = someByte(scene);
    const milliseconds = random.between(100, 1500);
    let isStalled = false;
    return {
      note: `the source gives no byte for ${milliseconds} ms after ${limit} bytes`,
      interference: {
        onTask(_task, attempt) {
          if (attempt > 1) return;
          lane.source.at(limit, () => {
            isStalled = true;
            lane.source.stall();
            setTimeout(() => lane.source.resume(), milliseconds);
          });
        },
      },
      isInjected: () => isStalled,
    };
  },
};

const silence: FaultKind = {
  name: 'source-silence',
  weight: 0.2,
  arm: (scene) => {
    const { lane } = scene;
    const limit = someByte(scene);
    let isSilent = false;
    return {
      note: `the source gives no byte any more after ${limit} bytes`,
      mayEnd: ['deadline', 'source-unreachable', 'source-interrupted', 'partial'],
      interference: {
        // The silence comes first, also where the program takes long to begin.
        task: { timeoutSeconds: 25 },
        onTask(_task, attempt) {
          // Whatever an earlier attempt left behind is over when its process is.
          lane.source.resume();
          if (attempt > 1) return;
          lane.source.at(limit, () => {
            isSilent = true;
            lane.source.stall();
          });
        },
      },
      isInjected: () => isSilent,
    };
  },
};

export const sourceFaults: readonly FaultKind[] = [cut, stall, silence];
