import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readAssembly } from '../../lib/local/assembly.ts';
import { withLock } from '../../lib/local/install-cache.ts';
import { synthesize } from '../../lib/local/synthesize.ts';
import type { ContainerEngine, Ended } from '../../scripts/servers/container-engine.ts';
import { packageArchive } from './package-archive.ts';

/** What a task's definition says of its container, as far as a container here can be run by it. */
export type ContainerDefinition = {
  readonly EntryPoint?: readonly string[];
  readonly Command?: readonly string[];
  readonly User?: string;
  readonly WorkingDirectory?: string;
  readonly ReadonlyRootFilesystem?: boolean;
  readonly LinuxParameters?: { readonly InitProcessEnabled?: boolean };
  readonly Environment: readonly { readonly Name: string; readonly Value: unknown }[];
};

/** The image that `cdk deploy` would build, and the definition of the task that runs it. */
export type TaskImage = {
  /** Its id in the engine's storage. */
  readonly id: string;
  readonly definition: ContainerDefinition;
  /** Starts a container as the task definition says, with options of one's own; what it is to run comes last. */
  run(options: readonly string[], command: readonly string[]): Promise<Ended>;
};

/** A configuration whose store and targets are of nobody's: what the image is built with is put in its place afterwards. */
const placeholder = `
store: { kind: file, path: ./vault }
encryption: { keys: key-file }
targets: [{ name: placeholder, engine: postgres, connection: { host: 127.0.0.1, user: nobody } }]
`;

/**
 * Builds the image from the synthesized app's own context, its Dockerfile unchanged, with `config` as the baked configuration. The context's
 * files are readable by their owner alone, as those of somebody with a careful umask are.
 */
export async function buildTaskImage(
  engine: ContainerEngine,
  config: object,
  task: TaskKind = 'Backup',
): Promise<TaskImage> {
  const { definition, directory } = await synthesizeTask(task);
  const context = mkdtempSync(join(tmpdir(), 'holdfast-context-'));
  try {
    cpSync(directory, context, { recursive: true });
    for (const name of readdirSync(context)) if (name !== 'node_modules') chmodSync(join(context, name), 0o600);
    chmodSync(join(context, 'node_modules'), 0o700);
    writeFileSync(join(context, 'holdfast.json'), JSON.stringify(config));
    writeFileSync(join(context, '.env'), 'PASSWORD=of-somebody');
    await using archive = await packageArchive(task === 'Backup' ? 'postgresql-client' : 'postgresql');
    const trust = `${archive.certificateFile}:/usr/local/share/ca-certificates/stand-in.crt:ro`;
    const identifierFile = join(context, 'image.id');
    await withLock('image-build', async () => {
      await engine.build([`--volume=${trust}`, `--iidfile=${identifierFile}`, `--tag=${tagOf(task)}`, context], {
        https_proxy: archive.proxy,
      });
      // What earlier builds left; the steps that this one shares with them stay. Another that is under way may be about to take some.
      await engine.podman(['image', 'prune', '--force', '--filter=until=1h']);
    });
    const id = readFileSync(identifierFile, 'utf8').replace('sha256:', '');
    const asDefined = definitionOptions(definition);
    return { id, definition, run: (options, command) => engine.run([...asDefined, ...options, id, ...command]) };
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}

/** Whose image: as the task is called in the app. */
export type TaskKind = 'Backup' | 'RestoreTest';

const tagOf = (task: TaskKind): string => `localhost/holdfast-${task.toLowerCase()}:test`;

async function synthesizeTask(
  task: TaskKind,
): Promise<{ readonly definition: ContainerDefinition; readonly directory: string }> {
  const folder = resolve(import.meta.dirname, '../../.cache/image');
  mkdirSync(folder, { recursive: true });
  const configPath = join(folder, 'holdfast.yaml');
  // In one step: the other image's app may be reading it.
  writeFileSync(`${configPath}.${process.pid}`, placeholder);
  renameSync(`${configPath}.${process.pid}`, configPath);
  const assembly = readAssembly(await synthesize({ configPath, outDir: join(folder, 'assemblies') }));
  const definitions = assembly.stacks
    .flatMap(({ resources }) => resources)
    .filter(
      ({ type, logicalId }) => type === 'AWS::ECS::TaskDefinition' && logicalId.startsWith(`Tasks${task}Definition`),
    )
    .flatMap(({ properties }) => properties['ContainerDefinitions'] as unknown as ContainerDefinition[]);
  const [definition, ...otherDefinitions] = definitions;
  const asset = [...assembly.imageAssets].find(([tag]) => JSON.stringify(definition).includes(tag))?.[1];
  if (!asset || !definition || otherDefinitions.length > 0)
    throw new Error(`the app is expected to have one ${task.toLowerCase()} task with one container`);
  return { definition, directory: asset.directory };
}

/** The definition as options of `podman run`. A read-only root is always asked for: what runs on one runs on a writable one too. */
function definitionOptions(definition: ContainerDefinition): readonly string[] {
  return [
    '--read-only',
    ...(definition.LinuxParameters?.InitProcessEnabled === true ? ['--init'] : []),
    ...definition.Environment.map(({ Name, Value }) => `--env=${Name}=${String(Value)}`),
  ];
}
