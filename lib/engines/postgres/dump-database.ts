import type { Content } from '../../core/manifest.ts';
import type { CaptureResult, EngineContext } from '../engine.ts';
import { type Connection, lowPriority, toolEnvironment } from './connection.ts';
import { dumpLimits } from './dump-limits.ts';
import type { DatabaseFormat, FormatInspection } from './formats/format.ts';
import type { Pacer } from './pace/pacer.ts';
import type { Snapshot } from './snapshot.ts';
import { toolOutput } from './tool-output.ts';
import type { ClientTools } from './tools.ts';
import { watchDump } from './watch-dump.ts';

const progressStepBytes = 16 * 1024 * 1024;

export type DatabaseDump = {
  /** As the format has it. Ends normally only when it is whole. */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Content and facts; there when `bytes` has ended. */
  result(): CaptureResult & { readonly content: Content };
};

/** Dumps one database as the snapshot shows it. Nothing starts before `bytes` is read; the snapshot stays the caller's to end. */
export async function dumpDatabase(
  context: EngineContext,
  options: {
    readonly connection: Connection;
    readonly database: string;
    readonly tools: ClientTools;
    readonly snapshot: Snapshot;
    readonly format: DatabaseFormat;
    /** That of all dumps of one backup. */
    readonly pacer: Pacer;
    /** The setting under which money is written; the database's own when left out, null when there is no money in it. */
    readonly lcMonetary?: string | null;
  },
): Promise<DatabaseDump> {
  const { connection, database, tools, snapshot, format, pacer } = options;
  const inspector = format.inspector();
  const lcMonetary = options.lcMonetary === undefined ? snapshot.facts.lcMonetary : options.lcMonetary;
  let warnings: readonly string[] = [];
  let restedSeconds = 0;
  let others = (): readonly string[] => [];
  let inspection: FormatInspection | undefined;
  const env = await toolEnvironment(connection, {
    database,
    scratch: context.scratch,
    applicationName: snapshot.dumpName,
    settings: { ...lowPriority, ...(lcMonetary === null ? {} : { lc_monetary: lcMonetary }) },
  });

  async function* bytes(): AsyncGenerator<Uint8Array, void> {
    const exceeded = new AbortController();
    let waitsSince: number | undefined = performance.now();
    const limits = dumpLimits(context);
    const watch = watchDump({
      client: snapshot.client,
      dumpName: snapshot.dumpName,
      database,
      limits,
      waitedSeconds: () => (waitsSince === undefined ? 0 : (performance.now() - waitsSince) / 1000),
      onTransactions: pacer.observe,
      onExceeded: (failure) => exceeded.abort(failure),
    });
    others = watch.remarks;
    const signal = AbortSignal.any([context.signal, exceeded.signal]);
    const turns = pacer.newTurns(signal);
    let seenBytes = 0;
    let reportedBytes = 0;
    try {
      const output = toolOutput({
        program: tools.pgDump,
        tool: 'pg_dump',
        args: [
          ...format.dumpArguments,
          // A role or database may have a client_encoding of its own, into which not every character goes.
          `--encoding=${snapshot.facts.encoding}`,
          '--no-password',
          `--snapshot=${snapshot.id}`,
          `--lock-wait-timeout=${limits.lockTimeoutSeconds * 1000}`,
        ],
        env,
        doing: `the dump of database '${database}'`,
        signal,
        check: {
          write: (chunk) => inspector.write(chunk),
          end: () => {
            inspection = inspector.end();
          },
        },
        onWarnings: (lines) => {
          warnings = lines;
        },
      });
      for await (const chunk of output) {
        waitsSince = undefined;
        // Whoever takes it may give its memory back.
        const { length } = chunk;
        seenBytes += length;
        if (seenBytes - reportedBytes >= progressStepBytes) {
          reportedBytes = seenBytes;
          context.progress({
            phase: 'dump',
            detail: database,
            bytes: seenBytes,
            expectedBytes: snapshot.facts.sizeBytes,
          });
        }
        yield chunk;
        // An abort is told of by the output itself, with its reason.
        await turns.next(length).catch(() => {});
        waitsSince = performance.now();
      }
    } finally {
      restedSeconds = turns.restedSeconds();
      await watch.end();
    }
  }

  return {
    bytes: bytes(),
    result() {
      // Rows as COPY text and no compression are what we ask pg_dump for.
      if (!inspection?.content) throw new Error(`the dump of '${database}' has not ended, or has no readable rows`);
      // Settings (`alter database … set app.jwt_secret = …`) and comments are where people keep what nobody else should read.
      const { settings, comment, ...facts } = snapshot.facts;
      return {
        content: inspection.content,
        facts: {
          ...facts,
          ...inspection.facts,
          restedSeconds: Math.round(restedSeconds),
          warnings: [...warnings, ...others()],
        },
        secretFacts: { settings, comment },
      };
    },
  };
}
