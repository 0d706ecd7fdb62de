import { join } from 'node:path';
import { demoFolder } from '../config/files.ts';
import { openDemo } from '../local/demo/demo.ts';
import { findEmbeddedPostgres } from '../local/postgres-server.ts';
import type { Output } from './output.ts';

/** Runs `work` while the demo's database runs: the one of a running demo, or one that is started for this command alone. */
export async function withDemoServer<Result>(output: Output, work: () => Promise<Result>): Promise<Result> {
  if (findEmbeddedPostgres(join(demoFolder, 'postgres'))) return work();
  const demo = await openDemo((line) => output.progress({ phase: line }));
  try {
    return await work();
  } finally {
    await demo.close();
  }
}
