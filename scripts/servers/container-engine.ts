import { execFile } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../../lib/config/cache-folder.ts';
import type { Progress } from '../../lib/local/run-installer.ts';
import { ensureDebianPrograms } from './debian-programs.ts';

/** What podman printed, and the code that it ended with: for `run`, the container's own. */
export type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** Builds and runs images without a daemon, in a storage of its own: the user's images are neither seen nor touched. */
export type ContainerEngine = {
  /** Runs podman with these arguments and resolves with what it printed; rejects with its last words when it fails. */
  podman(args: readonly string[], environment?: Readonly<Record<string, string>>): Promise<string>;
  /** Builds an image, with the options and the context as for `podman build`; rejects as `podman` does. */
  build(args: readonly string[], environment?: Readonly<Record<string, string>>): Promise<string>;
  /** Runs a program in a container that is removed at its end, on the machine's own network. Resolves however it ends. */
  run(args: readonly string[]): Promise<Ended>;
};

/** Options with which a build needs no more than chroot and mounts: no network, no limits of its own. */
const buildOptions = ['--isolation=chroot', '--network=host', '--pull=never'] as const;

/** Limits that are not raised, because a sandbox may forbid that; podman's default is to raise them. */
const limits = ['--ulimit=nofile=1024:1024', '--ulimit=nproc=4096:4096'] as const;

/** What it takes, by Debian package: all installed at once, since only one program at a time may install. */
const programs = {
  podman: 'podman',
  // crun, podman's own choice, demands more of the kernel than sandboxes give.
  runc: 'runc',
  // What `--init` starts.
  catatonit: 'catatonit',
  // For the base image, and for the packages that are installed in it.
  mmdebstrap: 'mmdebstrap',
  gpg: 'gnupg',
  openssl: 'openssl',
} as const;

type Driver = 'overlay' | 'vfs';

/** This machine cannot run containers, whatever is installed; the message says why. */
export class NoContainers extends Error {
  constructor(why: string, options?: { readonly cause?: unknown }) {
    super(`no containers can be run here: ${why}`, options);
    this.name = 'NoContainers';
  }
}

/**
 * podman and what else an image without a registry takes, installed where this process may. Rejects with `NoContainers` on systems
 * other than Debian, for accounts other than root, and in sandboxes that allow no namespaces; with `ServerMissing` when installing fails.
 */
export async function ensureContainerEngine(progress: Progress): Promise<ContainerEngine> {
  await requireContainers();
  const { podman } = await ensureDebianPrograms(programs, progress);
  const folder = path.join(cacheFolder(), 'containers');
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  const settings = ['--runtime=runc', '--cgroup-manager=cgroupfs', '--events-backend=none'];
  const storedBy = (driver: Driver): readonly string[] => [
    ...[`--storage-driver=${driver}`, `--root=${folder}/${driver}`],
    ...[`--runroot=${folder}/${driver}-run`, `--tmpdir=${folder}/${driver}-tmp`],
  ];
  // A folder that is itself on an overlay, as inside another container, takes none above it.
  const overlaid = await execute(podman, [...storedBy('overlay'), ...settings, 'info'], process.env);
  const driver: Driver = overlaid.code === 0 ? 'overlay' : 'vfs';
  const start = (args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ended> =>
    execute(podman, [...storedBy(driver), ...settings, ...args], { ...process.env, ...environment });
  const mustEndWell: ContainerEngine['podman'] = async (args, environment) => {
    const { code, stdout, stderr } = await start(args, environment);
    if (code !== 0) throw new Error(`podman ${args[0]} ended with code ${code}: ${lastLines(stderr)}`);
    return stdout.trim();
  };
  return {
    podman: mustEndWell,
    // Steps are kept for the next build, unless each would be a copy of the whole.
    build: (args, environment) =>
      mustEndWell(['build', ...buildOptions, `--layers=${driver === 'overlay'}`, ...args], environment),
    run: (args) => start(['run', '--rm', '--network=host', '--log-driver=none', ...limits, ...args]),
  };
}

/** Rejects with `NoContainers`, and what podman said, unless a container of the image starts. */
export async function probe(engine: ContainerEngine, image: string): Promise<void> {
  const { code, stderr } = await engine.run([image, 'true']);
  if (code !== 0) throw new NoContainers(lastLines(stderr));
}

async function requireContainers(): Promise<void> {
  if (process.platform !== 'linux' || !existsSync('/etc/debian_version')) {
    throw new NoContainers('the image for tests is made from Debian packages, by programs that only Debian has');
  }
  if (process.getuid?.() !== 0) throw new NoContainers('only root can make the image for tests: run npm test as root');
  const { code, stderr } = await execute(
    'unshare',
    ['--mount', '--pid', '--uts', '--ipc', '--fork', '--mount-proc', 'true'],
    process.env,
  );
  if (code !== 0) throw new NoContainers(`namespaces are forbidden (${lastLines(stderr)})`);
}

async function execute(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, { env, maxBuffer: 64 * 1024 * 1024 });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: unknown; stdout?: string; stderr?: string };
    if (typeof code !== 'number') throw error;
    return { code, stdout, stderr };
  }
}

const lastLines = (text: string): string => text.trim().split('\n').slice(-3).join('; ');
