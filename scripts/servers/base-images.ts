import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { withLock } from '../../lib/local/install-cache.ts';
import { type Progress, runInstaller } from '../../lib/local/run-installer.ts';
import { type ContainerEngine, ensureContainerEngine, probe } from './container-engine.ts';
import { ServerMissing } from './server-missing.ts';

/** An image that a Dockerfile begins with, and of which Debian it is. */
type Base = { readonly name: string; readonly suite: string; readonly hasNode: boolean };

/** The images after the Dockerfiles' FROM: of Node, and of a Debian alone. */
function bases(): readonly Base[] {
  const text = readFileSync(path.resolve(import.meta.dirname, '../../tasks/restore-test/Dockerfile'), 'utf8');
  const found = [...text.matchAll(/^FROM (\S+\/(?:node:[\d.]+-|debian:)(\w+)-slim)(?: AS \w+)?$/gm)];
  if (found.length !== 2) throw new Error('the Dockerfile of restore tests names other base images than are made here');
  return found.map(([, name = '', suite = '']) => ({ name, suite, hasNode: name.includes('/node:') }));
}

/**
 * Makes images with the names of the task images' bases that stand in for those of a registry: Debian's smallest system, and in Node's own the Node
 * that runs this process, with the entry that the real one has. Kept in the engine's storage; once, about half a minute for each.
 * Rejects with `NoContainers` where they could be made but not run.
 */
export async function ensureBaseImages(progress: Progress): Promise<ContainerEngine> {
  const engine = await ensureContainerEngine(progress);
  for (const base of bases()) {
    await withLock(
      'base-images',
      async () => {
        if (!(await isMade(engine, base))) await make(engine, base, progress);
      },
      () => progress('waiting for another process that makes the base images'),
    );
    await probe(engine, base.name);
  }
  return engine;
}

/** Changes when the recipe does, so that an image of an older one is not taken for this one's. */
const recipe = ({ name, suite }: Base): string =>
  createHash('sha256').update(`${name} ${process.version} ${suite} 3`).digest('hex').slice(0, 16);

async function isMade(engine: ContainerEngine, base: Base): Promise<boolean> {
  const label = engine.podman(['image', 'inspect', '--format={{index .Labels "recipe"}}', base.name]);
  return (await label.catch(() => '')) === recipe(base);
}

async function make(engine: ContainerEngine, base: Base, progress: Progress): Promise<void> {
  progress(`making the base image ${base.name} from Debian's packages (once, about half a minute)`);
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-image-'));
  try {
    const archive = path.join(folder, 'root.tar');
    const work = path.join(folder, 'work');
    mkdirSync(work);
    const script = 'mount -t tmpfs none "$TMPDIR" && exec mmdebstrap "$@"';
    // In memory, since dpkg waits for the disk at every step; and in a mount namespace of its own, which leaves nothing behind.
    await runInstaller('unshare', ['--mount', 'sh', '-c', script, 'sh', ...debianOptions(base), base.suite, archive], {
      label: 'mmdebstrap',
      progress,
      env: { ...process.env, TMPDIR: work },
    });
    const changes = [`LABEL recipe=${recipe(base)}`, `CMD ["${base.hasNode ? 'node' : 'bash'}"]`];
    const options = changes.map((change) => `--change=${change}`);
    await engine.podman(['import', '--quiet', ...options, archive, base.name]);
  } catch (cause) {
    throw new ServerMissing(
      'the base images for the task images could not be made',
      ['can a Debian mirror be reached?'],
      {
        cause,
      },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function debianOptions({ hasNode }: Base): readonly string[] {
  const copyNode = `install -m 755 '${process.execPath}' "$1"/usr/local/bin/node`;
  return [
    '--variant=apt',
    // What is in Debian's slim images beside apt and what everything needs.
    '--include=passwd,libstdc++6',
    '--dpkgopt=force-unsafe-io',
    ...(hasNode ? [`--customize-hook=${copyNode}`] : []),
  ];
}
