import type { Progress } from '../../lib/local/run-installer.ts';
import { runInstaller } from '../../lib/local/run-installer.ts';
import { fromPath } from './find.ts';
import { ServerMissing } from './server-missing.ts';

/**
 * The absolute path of each program, from PATH; `wanted` has the Debian package of each. What is missing, and `packages`, are installed
 * where this process may; elsewhere the error says which command does it.
 */
export async function ensureDebianPrograms<Name extends string>(
  wanted: Readonly<Record<Name, string>>,
  progress: Progress,
  packages: readonly string[] = [],
): Promise<Readonly<Record<Name, string>>> {
  const names = Object.keys(wanted) as Name[];
  const missing = [...names.filter((name) => !fromPath(name)).map((name) => wanted[name]), ...packages];
  if (missing.length > 0) await install(missing, progress);
  return Object.fromEntries(
    names.map((name) => {
      const found = fromPath(name);
      if (!found) throw cannotInstall([wanted[name]]);
      return [name, found];
    }),
  ) as Record<Name, string>;
}

async function install(packages: readonly string[], progress: Progress): Promise<void> {
  const aptGet = fromPath('apt-get');
  if (!aptGet || process.getuid?.() !== 0) throw cannotInstall(packages);
  progress(`installing ${packages.join(' ')} with apt-get`);
  const options = { label: 'apt-get', progress, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  try {
    await runInstaller(aptGet, ['update', '-qq'], options);
    await runInstaller(aptGet, ['install', '-y', '-qq', '--no-install-recommends', ...packages], options);
  } catch (cause) {
    throw cannotInstall(packages, cause);
  }
}

function cannotInstall(packages: readonly string[], cause?: unknown): ServerMissing {
  const list = packages.join(' ');
  return new ServerMissing(
    `the tests need ${list}, and cannot install it themselves`,
    [`run: sudo apt-get install ${list}   (macOS: brew install ${list})`],
    { cause },
  );
}
