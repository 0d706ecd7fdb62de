import { methodsOf } from '../../config/targets/methods.ts';
import type { Engine } from '../engine.ts';
import { captureCypher } from './capture.ts';
import { checkFile } from './check-file.ts';
import { compareStream } from './compare.ts';
import { translated } from './errors.ts';
import { serverHealth } from './health.ts';
import { inspectStream } from './inspect.ts';
import { probeServer } from './probe.ts';
import { restoreCypher } from './restore.ts';
import { testRestore } from './restore-test.ts';
import { type FindTools, findNeo4j } from './tools.ts';

/** The Neo4j engine. `findTools` says where Neo4j's own programs are. */
export function neo4jEngine(options: { readonly findTools?: FindTools } = {}): Engine {
  const findTools = options.findTools ?? ((atLeast) => findNeo4j(atLeast));
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
    restoreTest: (context, plan) => inOurTerms('restore test', testRestore(context, plan, findTools)),
  };
}

async function inOurTerms<T>(verb: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw translated(error, verb);
  }
}
