import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { demoConfigFile, demoFolder } from '../../config/files.ts';
import { neo4jRestore, openDemoNeo4j } from './demo-neo4j.ts';
import { openDemoPostgres, postgresRestore } from './demo-postgres.ts';
import { openDemoRedis, redisRestore } from './demo-redis.ts';
import type { DemoRestore, DemoSource, LeftOut } from './demo-source.ts';
import { openDemoTree, treeRestore } from './demo-tree.ts';

/** A running demo: sources with something in them, and a configuration that protects them. */
export type Demo = {
  readonly configFile: string;
  /** Engines that the demo does without, because this machine has no server of theirs. */
  readonly leftOut: readonly LeftOut[];
  /** Resolves when the target can be backed up. */
  ready(target: string): Promise<void>;
  close(): Promise<void>;
};

/** What is restored of each target that the demo may have. */
export const demoRestores: Readonly<Record<string, DemoRestore>> = {
  demo: postgresRestore,
  'demo-files': treeRestore,
  'demo-redis': redisRestore,
  'demo-graph': neo4jRestore,
};

type Opened = DemoSource | LeftOut;
const isLeftOut = (opened: Opened): opened is LeftOut => 'why' in opened;
const isOpen = (opened: Opened): opened is DemoSource => 'target' in opened;

/**
 * Starts the demo's own servers, fills them the first time, and writes a configuration of a target for each beside them. What stays the same
 * from start to start keeps the configuration the same.
 */
export async function openDemo(progress: (line: string) => void): Promise<Demo> {
  mkdirSync(join(demoFolder, 'vault'), { recursive: true, mode: 0o700 });
  const opening: readonly Promise<Opened>[] = [
    openDemoPostgres(progress),
    Promise.resolve(openDemoTree()),
    openDemoRedis(progress),
    openDemoNeo4j(progress),
  ];
  const ended = await Promise.allSettled(opening);
  const opened = ended.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const sources = opened.filter(isOpen);
  const close = async (): Promise<void> => {
    await Promise.all(sources.map((source) => source.close()));
  };
  const failed = ended.find((one) => one.status === 'rejected');
  if (failed !== undefined) {
    await close();
    throw failed.reason;
  }
  writeFileSync(demoConfigFile, configurationOf(sources));
  return {
    configFile: demoConfigFile,
    leftOut: opened.filter(isLeftOut),
    ready: async (target) => sources.find((source) => source.target === target)?.ready,
    close,
  };
}

const configurationOf = (sources: readonly DemoSource[]): string =>
  `# The demo's own configuration, written at every start. Yours is ../holdfast.yaml: begin with holdfast.example.yaml.
store: { kind: file, path: ./vault }
encryption: { keys: key-file }
targets:
${sources.map(({ yaml }) => yaml).join('')}`;
