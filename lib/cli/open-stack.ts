import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { HoldfastConfig } from '../config/config.ts';
import { HoldfastError } from '../core/errors.ts';
import { ensureKeyFile, readKeyFile } from '../keys/key-file.ts';
import { localKeysFolder } from '../local/endpoint/kms.ts';
import { installClientTools } from '../local/install-postgres.ts';
import type { LocalStack, StackEvent } from '../local/local-stack.ts';
import { makeStore } from '../local/make-store.ts';
import { findRunningStack } from '../local/running-stack.ts';
import { openLocalStack } from '../local/stack.ts';
import { synthesize } from '../local/synthesize.ts';
import { listBackups, readManifest } from '../store/backups.ts';
import { openStore } from '../store/open-store.ts';
import type { Output } from './output.ts';
import { stateDirectoryOf } from './state-directory.ts';

type Options = {
  readonly configFile: string;
  readonly config: HoldfastConfig;
  readonly output: Output;
  readonly serve: boolean;
  readonly port?: number;
};

/** Synthesizes the app for this configuration and opens the local stack on it; key and folders are made when they are missing. */
export async function openStack({ configFile, config, output, serve, port }: Options): Promise<LocalStack> {
  const stateDirectory = stateDirectoryOf(configFile);
  // Said at once, and again by whoever comes second in a race: the synthesis before that takes some seconds.
  const running = findRunningStack(stateDirectory);
  if (running) throw stackRuns(stateDirectory, running.pid);
  makeStore(config.store, stateDirectory);
  await ensureKey(config, stateDirectory, output);
  const assemblyDir = await synthesize({
    configPath: configFile,
    outDir: join(stateDirectory, 'assemblies'),
    onSynthesis: () => output.progress({ phase: 'synthesizing the CDK app' }),
  });
  return openLocalStack({
    assemblyDir,
    stateDir: stateDirectory,
    config,
    serve,
    ...(port === undefined ? {} : { port }),
    onEvent: (event) => tell(output, event),
  });
}

function stackRuns(stateDirectory: string, pid: number): HoldfastError {
  return new HoldfastError('stack-running', `a local stack runs on '${stateDirectory}' already, as process '${pid}'`);
}

/**
 * Makes the key file of a new store, and says loudly that it must be kept. Where backups exist already, a missing key is not replaced: a new
 * one would hide that the old one, and with it every backup, is lost.
 */
async function ensureKey(
  { encryption, store: settings }: HoldfastConfig,
  stateDirectory: string,
  output: Output,
): Promise<void> {
  if (encryption.keys === 'kms') tellOfLocalKeys(stateDirectory, output);
  if (encryption.keys !== 'key-file') return;
  const store = await openStore(settings);
  try {
    for await (const { target, id } of listBackups(store)) {
      if (await hasKey(encryption.keyFile)) return;
      const { wrappedKey } = (await readManifest(store, target, id)).encryption;
      if (wrappedKey?.provider !== 'key-file') continue;
      throw new HoldfastError(
        'key-missing',
        `key file '${encryption.keyFile}' is missing, and the store holds backups such as '${target}/${id}'`,
        {
          hint: 'put the copy of the key file back in its place; a new key would not open those backups',
        },
      );
    }
  } finally {
    await store.close();
  }
  const { warning } = await ensureKeyFile(encryption.keyFile);
  if (warning !== undefined) output.line(warning);
}

/** The local stack plays KMS, and makes its keys at their first use. They are worth as much as a key file. */
function tellOfLocalKeys(stateDirectory: string, output: Output): void {
  const folder = localKeysFolder(stateDirectory);
  if (existsSync(folder)) return;
  output.line(
    `NEW KEYS: ${folder} (encryption.keys is 'kms', and KMS is played by this stack)\n` +
      'Whoever has lost this folder cannot restore any backup that this stack makes: AWS knows nothing of these keys.\n' +
      'Copy it after the first backup to a place that does not burn down with this machine.',
  );
}

async function hasKey(file: string): Promise<boolean> {
  return readKeyFile(file).then(
    () => true,
    (error: unknown) => {
      if (error instanceof HoldfastError && error.code === 'key-missing') return false;
      throw error;
    },
  );
}

/** What a stack says of itself, for people. Executions are followed by those who started them. */
function tell(output: Output, event: StackEvent): void {
  if (event.kind === 'phase') output.progress({ phase: event.text });
  if (event.kind === 'warning') output.line(`warning: ${event.text}`);
}

/** The client tools of PostgreSQL `major`, installed when they are missing and this machine allows it. */
export async function ensureClientTools(major: number, output: Output): Promise<void> {
  await installClientTools(major, (line) => output.progress({ phase: line }));
}
