import { appendFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeOddTree } from '../engines/application/odd-tree.ts';
import { contextFor, engine, readerOfStreams, temporaryFolder } from '../engines/application/run-engine.ts';
import { engineSuite, type Subject } from './engine-suite.ts';

for (const request of [
  { method: 'files', format: 'tar' },
  { method: 'incremental', format: 'chunks' },
] as const)
  engineSuite(`application, ${request.method}, ${request.format}`, async () => applicationSubject(request));

function applicationSubject(request: Subject['request']): Subject {
  const folder = temporaryFolder();
  const [source, copy] = [join(folder.path, 'app'), join(folder.path, 'copy')];
  mkdirSync(source);
  const rows = makeOddTree(source);
  return {
    engine,
    request,
    rows,
    context: ({ signal } = {}) => Object.assign(contextFor({ path: source }, signal), { [Symbol.dispose]: () => {} }),
    source: 'app',
    copy,
    reader: readerOfStreams,
    async changeCopy() {
      appendFileSync(join(copy, 'large', 'exact.bin'), 'x');
    },
    async list() {
      return readdirSync(folder.path);
    },
    async [Symbol.asyncDispose]() {
      folder[Symbol.dispose]();
    },
  };
}
