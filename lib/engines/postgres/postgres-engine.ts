import { methodsOf, parentMethodsOf } from '../../config/targets/methods.ts';
import type { Engine } from '../engine.ts';
import { isPhysical } from './base/base-settings.ts';
import { captureBase } from './base/capture-base.ts';
import { captureLogical, type FindTools } from './capture.ts';
import { checkFile } from './check-file.ts';
import { compareStream } from './compare.ts';
import { translated } from './errors.ts';
import { postgresFiles } from './formats/file-kinds.ts';
import { serverHealth } from './health.ts';
import { inspectStream } from './inspect.ts';
import { nextCommands } from './next-commands.ts';
import { probeServer } from './probe.ts';
import { findWay } from './recover/find-way.ts';
import { restoreBackup } from './restore-backup.ts';
import { checkSettings } from './settings/check-settings.ts';
import { testBackup } from './test-backup.ts';
import { findClientTools } from './tools.ts';

/** The PostgreSQL engine. `findTools` says where the client tools of a server's major version are. */
export function postgresEngine(options: { readonly findTools?: FindTools } = {}): Engine {
  const findTools = options.findTools ?? ((major) => findClientTools(major));
  return {
    name: 'postgres',
    methods: methodsOf('postgres'),
    parentMethods: parentMethodsOf('postgres'),
    files: postgresFiles,
    probe: (context) => inOurTerms('probe', probeServer(context, findTools)),
    health: (context) => inOurTerms('health', serverHealth(context)),
    capture: (context, request) =>
      inOurTerms(
        'capture',
        isPhysical(request.method) ? captureBase(context, request) : captureLogical(context, request, findTools),
      ),
    inspect: inspectStream,
    checkFile,
    findWay,
    nextCommands,
    restore: (context, plan) => inOurTerms('restore', restoreBackup(context, plan, findTools)),
    restoreTest: (context, plan) => inOurTerms('restore test', testBackup(context, plan, findTools)),
    checkSettings: (context, host) => inOurTerms('settings', checkSettings(context, host)),
    compare: (context, stream, database) => inOurTerms('compare', compareStream(context, stream, database, findTools)),
  };
}

async function inOurTerms<T>(verb: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw translated(error, verb);
  }
}
