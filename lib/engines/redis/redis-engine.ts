import { methodsOf } from '../../config/targets/methods.ts';
import type { Engine } from '../engine.ts';
import { captureServer } from './capture.ts';
import { checkFile } from './check-file.ts';
import { compareStream } from './compare.ts';
import { translated } from './errors.ts';
import { aofFormat } from './formats/aof-format.ts';
import { aclFormat } from './formats/formats.ts';
import { jsonFormat } from './formats/json-format.ts';
import { rdbFormat } from './formats/rdb-format.ts';
import { inspectStream } from './inspect.ts';
import { probeServer, serverHealth } from './probe.ts';
import { restoreStreams } from './restore.ts';
import { testRestore } from './restore-test.ts';

/** The engine of Redis and Valkey. */
export function redisEngine(): Engine {
  return {
    name: 'redis',
    methods: methodsOf('redis'),
    merges: true,
    files: redisFiles,
    probe: (context) => inOurTerms('probe', probeServer(context)),
    health: (context) => inOurTerms('health', serverHealth(context)),
    capture: (context, request) => inOurTerms('capture', captureServer(context, request)),
    inspect: inspectStream,
    checkFile,
    restore: (context, plan) => inOurTerms('restore', restoreStreams(context, plan)),
    restoreTest: (context, plan) => inOurTerms('restore test', testRestore(context, plan)),
    compare: (context, stream, destination) => inOurTerms('compare', compareStream(context, stream, destination)),
  };
}

/** The files of Redis' own tools, and of every reader of JSON Lines. */
const redisFiles: Engine['files'] = {
  [rdbFormat.name]: { extension: 'rdb', reader: 'redis-server, at its start,' },
  [aofFormat.name]: { extension: 'aof', reader: 'redis-cli --pipe' },
  [jsonFormat.name]: { extension: 'jsonl', reader: 'jq' },
  [aclFormat]: { extension: 'acl', reader: "the server's aclfile" },
};

async function inOurTerms<T>(verb: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw translated(error, verb);
  }
}
