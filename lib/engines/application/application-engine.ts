import { methodsOf, parentMethodsOf } from '../../config/targets/methods.ts';
import type { Engine } from '../engine.ts';
import { captureTrees } from './capture.ts';
import { checkFile } from './check-file.ts';
import { compareTree } from './compare.ts';
import { inspectStream } from './inspect.ts';
import { probeTrees, treesHealth } from './probe.ts';
import { restoreTrees } from './restore/restore.ts';
import { testRestore } from './restore-test.ts';

/** The engine for trees of files: an application's data, and its configuration. */
export function applicationEngine(): Engine {
  return {
    name: 'application',
    methods: methodsOf('application'),
    parentMethods: parentMethodsOf('application'),
    merges: true,
    files: { tar: { extension: 'tar', reader: 'tar' } },
    probe: probeTrees,
    health: treesHealth,
    capture: captureTrees,
    inspect: inspectStream,
    checkFile,
    restore: restoreTrees,
    restoreTest: testRestore,
    compare: compareTree,
  };
}
