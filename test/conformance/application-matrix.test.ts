import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeOddTree } from '../engines/application/odd-tree.ts';
import { type MatrixSubject, matrixSuite } from './matrix-suite.ts';

for (const kind of [
  { method: 'files', format: 'tar' },
  { method: 'incremental', format: 'chunks' },
] as const)
  matrixSuite('application', kind, async () => applicationSubject());

/** A tree with everything in it, and an empty folder; the tree is written to where nobody minds. */
function applicationSubject(): MatrixSubject {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-application-matrix-'));
  const pathOf = (name: string): string => join(folder, name, 'app');
  for (const name of ['source', 'destination']) mkdirSync(pathOf(name), { recursive: true });
  makeOddTree(pathOf('source'));
  mkdirSync(join(pathOf('source'), 'written'));
  const target = (name: string): string =>
    `  - { name: ${name}, engine: application, connection: { path: ${pathOf(name)}, tolerate: [/written] } }\n`;
  let written = 0;
  return {
    targets: target('source') + target('destination'),
    async write() {
      written += 1;
      writeFileSync(join(pathOf('source'), 'written', String(written % 100)), `${written}\n`);
    },
    async empty() {
      for (const name of readdirSync(pathOf('destination')))
        rmSync(join(pathOf('destination'), name), { recursive: true, force: true });
    },
    async [Symbol.asyncDispose]() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
