import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A group of processes that may have so much memory together and no more: the kernel kills what asks for more, as on Fargate. */
export type MemoryCgroup = Disposable & {
  /** A program and its first arguments, which starts a command line inside of the group. */
  readonly launcher: readonly string[];
  /** How many processes the kernel has killed for the group's memory. */
  readonly killed: number;
};

const versionOne = '/sys/fs/cgroup/memory';
const versionTwo = '/sys/fs/cgroup';

export function memoryCgroup(limitBytes: number): MemoryCgroup {
  const isOne = existsSync(join(versionOne, 'memory.limit_in_bytes'));
  const folder = join(isOne ? versionOne : versionTwo, `holdfast-test-${process.pid}-${Date.now()}`);
  try {
    mkdirSync(folder);
    writeFileSync(join(folder, isOne ? 'memory.limit_in_bytes' : 'memory.max'), String(limitBytes));
    writeIfThere(
      join(folder, isOne ? 'memory.memsw.limit_in_bytes' : 'memory.swap.max'),
      isOne ? String(limitBytes) : '0',
    );
  } catch (cause) {
    throw new Error(
      `this test limits the memory of a process by a control group, which this machine does not let it make in '${folder}': run it as root, where control groups may be made`,
      { cause },
    );
  }
  const events = join(folder, isOne ? 'memory.oom_control' : 'memory.events');
  return {
    launcher: ['/bin/sh', '-c', `echo $$ > '${folder}/cgroup.procs' && exec "$@"`, 'sh'],
    get killed() {
      return Number(/^oom_kill (\d+)$/m.exec(readFileSync(events, 'utf8'))?.[1]);
    },
    [Symbol.dispose]: () => rmdirSync(folder),
  };
}

/** Kernels that do not count swap have no such file. */
function writeIfThere(file: string, text: string): void {
  if (existsSync(file)) writeFileSync(file, text);
}
