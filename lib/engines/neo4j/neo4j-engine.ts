import { methodsOf } from '../../config/targets/methods.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { Engine } from '../engine.ts';
import { captureCypher } from './capture.ts';
import { checkFile } from './check-file.ts';
import { compareStream } from './compare.ts';
import { translated } from './errors.ts';
import { serverHealth } from './health.ts';
import { inspectStream } from './inspect.ts';
import { probeServer } from './probe.ts';
import { restoreCypher } from './restore.ts';

/** The Neo4j engine. */
export function neo4jEngine(): Engine {
  return {
    name: 'neo4j',
    methods: methodsOf('neo4j'),
    probe: (context) => inOurTerms('probe', probeServer(context)),
    health: (context) => inOurTerms('health', serverHealth(context)),
    capture: (context) => inOurTerms('capture', captureCypher(context)),
    inspect: inspectStream,
    checkFile,
    restore: (context, plan) => inOurTerms('restore', restoreCypher(context, plan)),
    compare: (context, record, database) => inOurTerms('compare', compareStream(context, record, database)),
    restoreTest: () => Promise.reject(new HoldfastError('not-testable', 'not yet')),
  };
}

async function inOurTerms<T>(verb: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw translated(error, verb);
  }
}
