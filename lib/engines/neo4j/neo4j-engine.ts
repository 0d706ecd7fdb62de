import { methodsOf } from '../../config/targets/methods.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { Method } from '../../core/vocabulary.ts';
import type { Capture, Engine, EngineContext, RestorePlan, RestoreResult } from '../engine.ts';
import { captureCypher, cypherFormat } from './capture.ts';
import { checkFile } from './check-file.ts';
import { compareStream } from './compare.ts';
import { captureDump } from './dump/capture-dump.ts';
import { backupFormat, captureOnline } from './dump/capture-online.ts';
import { dumpFormat } from './dump/dump-check.ts';
import { restoreDump } from './dump/restore-dump.ts';
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
    files: neo4jFiles,
    probe: (context) => inOurTerms('probe', probeServer(context, findTools)),
    health: (context) => inOurTerms('health', serverHealth(context)),
    capture: (context, { method }) => inOurTerms('capture', captureBy[method]?.(context, findTools) ?? unknown(method)),
    inspect: inspectStream,
    checkFile,
    restore: (context, plan) => inOurTerms('restore', restoreAny(context, plan, findTools)),
    compare: (context, record, database) => inOurTerms('compare', compareStream(context, record, database)),
    restoreTest: (context, plan) => inOurTerms('restore test', testRestore(context, plan, findTools)),
  };
}

/** The files of Neo4j's own tools. */
const neo4jFiles: Engine['files'] = {
  [cypherFormat]: { extension: 'cypher', reader: 'cypher-shell' },
  [dumpFormat]: { extension: 'dump', reader: 'neo4j-admin database load' },
  [backupFormat]: { extension: 'backup', reader: 'neo4j-admin database restore' },
};

const captureBy: Readonly<Partial<Record<Method, (context: EngineContext, findTools: FindTools) => Promise<Capture>>>> =
  {
    logical: captureCypher,
    dump: captureDump,
    online: captureOnline,
  };

const unknown = (method: Method): Promise<never> =>
  Promise.reject(new HoldfastError('usage', `Neo4j has no method '${method}'`));

function restoreAny(context: EngineContext, plan: RestorePlan, findTools: FindTools): Promise<RestoreResult> {
  if (plan.selection !== undefined)
    return Promise.reject(
      new HoldfastError('usage', 'a Neo4j backup is restored as a whole: its elements cannot be chosen'),
    );
  const isDump = plan.streams.some(({ record }) => [dumpFormat, backupFormat].includes(record.format));
  return isDump ? restoreDump(context, plan, findTools) : restoreCypher(context, plan);
}

async function inOurTerms<T>(verb: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw translated(error, verb);
  }
}
