import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { withLock } from '../../lib/local/install-cache.ts';
import { type Progress, runInstaller } from '../../lib/local/run-installer.ts';
import { type ContainerEngine, ensureContainerEngine, probe } from './container-engine.ts';
import { ServerMissing } from './server-missing.ts';

const suite = 'bookworm';

/** The name after the Dockerfile's FROM. */
function baseName(): string {
  const dockerfile = readFileSync(path.resolve(import.meta.dirname, '../../tasks/holdfast/Dockerfile'), 'utf8');
  const name = /^FROM (\S+)$/m.exec(dockerfile)?.[1];
  if (!name) throw new Error('the Dockerfile of the task names no base image');
  return name;
}

/**
 * Makes an image with the name of the task image's base that stands in for Node's own `bookworm-slim`, which comes from a registry: Debian's smallest system
 * and the Node that runs this process, with the entry that the real one has. Kept in the engine's storage; once, about half a minute.
 * Rejects with `NoContainers` where it could be made but not run.
 */
export async function ensureNodeImage(progress: Progress): Promise<ContainerEngine> {
  const name = baseName();
  const engine = await ensureContainerEngine(progress);
  await withLock(
    'node-image',
    async () => {
      if (!(await isMade(engine, name))) await make(engine, name, progress);
    },
    () => progress('waiting for another process that makes the base image'),
  );
  await probe(engine, name);
  return engine;
}

/** Changes when the recipe does, so that an image of an older one is not taken for this one's. */
const recipe = (name: string): string =>
  createHash('sha256').update(`${name} ${process.version} ${suite} 3`).digest('hex').slice(0, 16);

async function isMade(engine: ContainerEngine, name: string): Promise<boolean> {
  const label = engine.podman(['image', 'inspect', '--format={{index .Labels "recipe"}}', name]);
  return (await label.catch(() => '')) === recipe(name);
}

async function make(engine: ContainerEngine, name: string, progress: Progress): Promise<void> {
  progress(`making a base image from Debian's packages (once, about half a minute)`);
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-image-'));
  try {
    const archive = path.join(folder, 'root.tar');
    const work = path.join(folder, 'work');
    mkdirSync(work);
    const script = 'mount -t tmpfs none "$TMPDIR" && exec mmdebstrap "$@"';
    // In memory, since dpkg waits for the disk at every step; and in a mount namespace of its own, which leaves nothing behind.
    await runInstaller('unshare', ['--mount', 'sh', '-c', script, 'sh', ...debianOptions(), suite, archive], {
      label: 'mmdebstrap',
      progress,
      env: { ...process.env, TMPDIR: work },
    });
    const changes = [`LABEL recipe=${recipe(name)}`, 'CMD ["node"]'].map((change) => `--change=${change}`);
    await engine.podman(['import', '--quiet', ...changes, archive, name]);
  } catch (cause) {
    throw new ServerMissing(
      'the base image for the task image could not be made',
      ['can a Debian mirror be reached?'],
      {
        cause,
      },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function debianOptions(): readonly string[] {
  const copyNode = `install -m 755 '${process.execPath}' "$1"/usr/local/bin/node`;
  return [
    '--variant=apt',
    // What is in Debian's slim images beside apt and what everything needs.
    '--include=passwd,libstdc++6',
    '--dpkgopt=force-unsafe-io',
    `--customize-hook=${copyNode}`,
  ];
}
