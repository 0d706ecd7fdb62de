import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault, FaultKind, Scene } from '../fault.ts';
import type { SourceName } from '../sources.ts';
import type { Task } from '../task.ts';

/** About as many bytes as the server sends while a database and the globals are dumped. */
const sourceBytes: Readonly<Record<SourceName, number>> = { small: 70_000, wide: 110_000, long: 2_700_000 };

/** A moment while the source is read. */
export const someByte = ({ random, world }: Scene): number => random.between(1, sourceBytes[world.setting.source]);

/** Sends a signal to the first attempts at a byte of the source, each at another. */
function signalled(
  scene: Scene,
  options: { readonly name: NodeJS.Signals; readonly attempts: number },
): Omit<Fault, 'mayEnd'> {
  const { lane } = scene;
  const { name, attempts } = options;
  const bytes = Array.from({ length: attempts }, () => someByte(scene));
  let sent = 0;
  return {
    note: `${name} when the source has sent ${bytes.join(', then ')} bytes`,
    interference: {
      onTask(task, attempt) {
        const limit = bytes[attempt - 1];
        if (limit === undefined) return;
        lane.source.at(limit, () => {
          sent += 1;
          task.signal(name);
        });
      },
    },
    isInjected: () => sent > 0,
  };
}

const killAtByte: FaultKind = {
  name: 'kill-at-byte',
  weight: 2,
  arm: (scene) => ({
    ...signalled(scene, { name: 'SIGKILL', attempts: scene.random.pick([1, 1, 1, 2, 3]) }),
    mayEnd: ['task-killed'],
  }),
};

const crash: FaultKind = {
  name: 'crash',
  arm: (scene) => ({
    ...signalled(scene, { name: scene.random.pick(['SIGABRT', 'SIGSEGV'] as const), attempts: 1 }),
    mayEnd: ['task-killed'],
  }),
};

const stop: FaultKind = {
  name: 'stop',
  arm: (scene) => ({ ...signalled(scene, { name: 'SIGTERM', attempts: 1 }), mayEnd: ['stopped'] }),
};

/** A random moment after its start, which may be before its first byte and around its manifest. */
const killAnyTime: FaultKind = {
  name: 'kill-any-time',
  weight: 2,
  arm: ({ random }) => {
    const milliseconds = random.between(1, 1500);
    let isSent = false;
    return {
      note: `SIGKILL ${milliseconds} ms after the start`,
      interference: {
        onTask(task, attempt) {
          if (attempt > 1) return;
          const timer = setTimeout(() => {
            isSent = true;
            task.signal('SIGKILL');
          }, milliseconds);
          task.ended.finally(() => clearTimeout(timer)).catch(() => {});
        },
      },
      mayEnd: ['task-killed'],
      isInjected: () => isSent,
    };
  },
};

/** Between the last data object and the manifest, at the manifest, or after it and before its answer. */
const killAtManifest: FaultKind = {
  name: 'kill-at-manifest',
  store: 's3',
  arm: ({ random, lane }) => {
    const moment = random.pick(['before', 'after'] as const);
    let task: Task | undefined;
    let isSent = false;
    return {
      note: `SIGKILL ${moment} the manifest is there`,
      interference: {
        onTask(begun, attempt) {
          task = begun;
          if (attempt > 1) return;
          lane.s3.inject(({ operation, path }) => {
            if (isSent || operation !== 'PutObject' || !path.endsWith('/manifest.json')) return undefined;
            isSent = true;
            const kill = () => task?.signal('SIGKILL');
            if (moment === 'after') return { kind: 'lose-reply', afterwards: kill };
            kill();
            return { kind: 'answer', status: 503, code: 'SlowDown' };
          });
        },
      },
      mayEnd: ['task-killed'],
      isInjected: () => isSent,
    };
  },
};

/** Stands still for a while, as on a machine that has no processor time left, or whose virtual machine is moved. */
const freeze: FaultKind = {
  name: 'freeze',
  arm: (scene) => {
    const limit = someByte(scene);
    const milliseconds = scene.random.between(100, 2000);
    let isFrozen = false;
    return {
      note: `stands still for ${milliseconds} ms when the source has sent ${limit} bytes`,
      interference: {
        onTask(task, attempt) {
          if (attempt > 1) return;
          scene.lane.source.at(limit, () => {
            isFrozen = true;
            task.signal('SIGSTOP');
            const timer = setTimeout(() => task.signal('SIGCONT'), milliseconds);
            task.ended.finally(() => clearTimeout(timer)).catch(() => {});
          });
        },
      },
      isInjected: () => isFrozen,
    };
  },
};

const outOfMemory: FaultKind = {
  name: 'out-of-memory',
  arm: ({ random }) => {
    const mebibytes = random.between(8, 40);
    return {
      note: `a heap of ${mebibytes} MiB`,
      interference: { task: { environment: { NODE_OPTIONS: `--max-old-space-size=${mebibytes}` } } },
      mayEnd: ['task-killed'],
      isInjected: () => true,
    };
  },
};

const hour = 3600;

const clock: FaultKind = {
  name: 'clock',
  arm: ({ shared, random }) => {
    const offsets = random.pick([[hour], [-hour], [0, hour], [0, -hour], [hour, -hour]] as const);
    const file = join(shared.folder, `clock-${process.pid}-${random.between(0, 2 ** 30)}`);
    const set = (seconds: number) => writeFileSync(file, `${seconds < 0 ? '-' : '+'}${Math.abs(seconds)}s\n`);
    set(offsets[0]);
    return {
      note: `the task's clock is ${offsets.join(' s off, and after half a second ')} s off`,
      interference: {
        task: {
          environment: {
            LD_PRELOAD: shared.faketime,
            FAKETIME_TIMESTAMP_FILE: file,
            FAKETIME_CACHE_DURATION: '1',
            // Timers go by another clock, which never jumps.
            FAKETIME_DONT_FAKE_MONOTONIC: '1',
            DONT_FAKE_MONOTONIC: '1',
          },
        },
        onTask(task) {
          const [, next] = offsets;
          if (next === undefined) return;
          const timer = setTimeout(() => set(next), 500);
          task.ended.finally(() => clearTimeout(timer)).catch(() => {});
        },
      },
      isInjected: () => true,
    };
  },
};

/** The machine under the state machine dies, or somebody stops the execution. */
const vanish: FaultKind = {
  name: 'vanish',
  weight: 2,
  arm: ({ random }) => {
    const vanishAfter = random.pick(['admit', 'task', 'validate', 'record'] as const);
    return {
      note: `nobody goes on after '${vanishAfter}'`,
      interference: { vanishAfter },
      mayEnd: ['task-killed'],
      isInjected: () => true,
      hoursLater: 12,
    };
  },
};

export const processFaults: readonly FaultKind[] = [
  killAtByte,
  killAnyTime,
  killAtManifest,
  crash,
  stop,
  freeze,
  outOfMemory,
  clock,
  vanish,
];
