import { createHash } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { demoFolder } from '../../config/files.ts';
import type { DemoRestore, DemoSource } from './demo-source.ts';

const tree = join(demoFolder, 'files');

/** Says that the tree was made to its end; a new number makes every demo start over. */
const complete = join(demoFolder, 'files-1-complete');

// A task has a working directory of its own.
export const treeRestore: DemoRestore = { as: resolve(demoFolder, 'files-restored'), replace: true };

/** The files of an application that does not exist: uploads and settings, with links and a name that no table expects. They are the same on every machine. */
export function openDemoTree(): DemoSource {
  if (!existsSync(complete)) {
    rmSync(tree, { recursive: true, force: true });
    makeTree();
    writeFileSync(complete, '');
  }
  return {
    target: 'demo-files',
    yaml: `  - name: demo-files
    engine: application
    connection: { path: ./files, exclude: ['cache/'] }
`,
    close: async () => {},
  };
}

function makeTree(): void {
  for (const folder of ['settings', 'cache', 'uploads']) mkdirSync(join(tree, folder), { recursive: true });
  writeFileSync(join(tree, 'settings', 'app.yaml'), 'mail: { from: shop@example.com }\nworkers: 4\n', { mode: 0o640 });
  symlinkSync('app.yaml', join(tree, 'settings', 'current'));
  writeFileSync(join(tree, 'cache', 'left-out'), 'nobody needs this');
  writeFileSync(join(tree, 'uploads', 'ein 🐘\nzwei.txt'), 'a name of two lines\n');
  for (let index = 0; index < 400; index++) {
    const folder = join(tree, 'uploads', String(index % 10));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${index}.bin`), contentOf(index));
  }
  linkSync(join(tree, 'uploads', '0', '0.bin'), join(tree, 'uploads', 'the same again.bin'));
}

/** Up to 64 KiB that hardly compress. */
function contentOf(index: number): Buffer {
  const blocks = Array.from({ length: (index * 37) % 2048 }, (_, block) =>
    createHash('sha256').update(`${index} ${block}`).digest(),
  );
  return Buffer.concat(blocks);
}
