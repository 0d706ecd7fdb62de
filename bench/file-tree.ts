import { randomBytes } from 'node:crypto';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { benchScale } from './scale.ts';

const smallFiles = Math.round(50_000 * benchScale);
const largeFiles = 8;
const largeBytes = Math.max(1, Math.round(256 * benchScale)) * 1024 ** 2;

/** Text of words, the same every time: it compresses as text does. */
function textOf(length: number, seed: number): Buffer {
  let state = seed + 1;
  const words: string[] = [];
  for (let characters = 0; characters < length; ) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    const word = `${(state % 5000).toString(36)}${state % 7 === 0 ? '\n' : ' '}`;
    words.push(word);
    characters += word.length;
  }
  return Buffer.from(words.join('')).subarray(0, length);
}

/** Makes the tree, half of whose large files does not compress. */
export async function makeTree(tree: string): Promise<void> {
  const text = textOf(4 * 1024 ** 2, 1);
  for (let index = 0; index < smallFiles; index++) {
    const at = join(tree, 'small', String(index % 10), String(index % 250));
    if (index < 250) await mkdir(at, { recursive: true });
    const length = 200 + ((index * 7919) % 12_000);
    const start = (index * 104_729) % (text.length - length);
    await writeFile(join(at, `${index}.txt`), text.subarray(start, start + length));
  }
  await mkdir(join(tree, 'large'));
  for (let index = 0; index < largeFiles; index++) {
    await using file = await open(join(tree, 'large', String(index)), 'w');
    for (let at = 0; at < largeBytes; at += 1024 ** 2)
      await file.write((at / 1024 ** 2) % 2 === 0 ? randomBytes(1024 ** 2) : text.subarray(0, 1024 ** 2));
  }
}

/** One small file in a hundred is written anew, and a hundredth of each large one, at one place. */
export async function changeTree(tree: string, round: number): Promise<void> {
  for (let index = round; index < smallFiles; index += 100)
    await writeFile(
      join(tree, 'small', String(index % 10), String(index % 250), `${index}.txt`),
      `round ${round}, ${index}`,
    );
  for (let index = 0; index < largeFiles; index++) {
    await using file = await open(join(tree, 'large', String(index)), 'r+');
    await file.write(randomBytes(Math.round(largeBytes / 100)), 0, undefined, Math.round((largeBytes * round) / 4));
  }
}
