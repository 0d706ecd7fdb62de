import type { Random } from '../../faults/random.ts';
import type { FaultKind, Scene } from '../fault.ts';
import type { Step } from '../play.ts';

/** Damages the backup under a prefix, and says how. */
type Damage = {
  readonly name: string;
  readonly apply: (scene: Scene, backupPrefix: string, random: Random) => Promise<string>;
};

async function objectsOf({ world }: Scene, prefix: string): Promise<readonly (readonly [string, Buffer])[]> {
  const found = [...(await world.raw.readAll())].filter(([key]) => key.startsWith(prefix));
  if (found.length === 0) throw new Error(`there is nothing under '${prefix}' to damage`);
  return found.sort(([a], [b]) => (a < b ? -1 : 1));
}

const damages: readonly Damage[] = [
  {
    name: 'flip',
    async apply(scene, prefix, random) {
      const [key, bytes] = random.pick(await objectsOf(scene, prefix));
      const bit = random.between(0, bytes.length * 8 - 1);
      const flipped = Buffer.from(bytes);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      await scene.world.raw.write(key, flipped);
      return `bit ${bit} of '${key}' is another`;
    },
  },
  {
    name: 'truncate',
    async apply(scene, prefix, random) {
      const [key, bytes] = random.pick(await objectsOf(scene, prefix));
      const length = random.between(0, bytes.length - 1);
      await scene.world.raw.write(key, bytes.subarray(0, length));
      return `'${key}' ends after ${length} bytes of ${bytes.length}`;
    },
  },
  {
    name: 'lose',
    async apply(scene, prefix, random) {
      const [key] = random.pick(await objectsOf(scene, prefix));
      await scene.world.raw.remove(key);
      return `'${key}' is gone`;
    },
  },
  {
    name: 'swap',
    async apply(scene, prefix) {
      const data = (await objectsOf(scene, prefix)).filter(([key]) => !key.endsWith('.json'));
      const [first, second] = [data.at(0), data.at(-1)];
      if (first === undefined || second === undefined || first[0] === second[0]) throw new Error('nothing to swap');
      await scene.world.raw.write(first[0], second[1]);
      await scene.world.raw.write(second[0], first[1]);
      return `'${first[0]}' and '${second[0]}' are swapped`;
    },
  },
];

/** Damage between the task's end and the validation: the run has to notice. */
const early = ({ name, apply }: Damage): FaultKind => ({
  name: `${name}-before-validation`,
  weight: 0.7,
  arm(scene) {
    let isDone = false;
    return {
      note: `after the task has ended, ${name}`,
      mustFail: true,
      isDamaging: true,
      mayEnd: ['corrupt', 'object-missing', 'manifest-unreadable', 'key-wrong', 'backup-unknown'],
      interference: {
        async beforeStep(step: Step, run) {
          if (step !== 'validate' || isDone || run === undefined) return;
          isDone = true;
          await apply(scene, `backups/${run.target}/${run.backupId}/`, scene.random);
        },
      },
      isInjected: () => isDone,
    };
  },
});

/** Damage to a backup that was complete: a validation has to find it, every time. */
const late = ({ name, apply }: Damage): FaultKind => ({
  name: `${name}-at-rest`,
  weight: 0.7,
  rot: (scene) => ({
    note: `after the run, ${name}`,
    async damage(prefix) {
      await apply(scene, prefix, scene.random);
    },
  }),
});

export const faultsAtRest: readonly FaultKind[] = [...damages.map(early), ...damages.map(late)];
