import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { buildFolder, publish, withLock } from '../../lib/local/install-cache.ts';
import { type Progress, runInstaller } from '../../lib/local/run-installer.ts';
import { ensureDebianPrograms } from './debian-programs.ts';
import { fromCache } from './find.ts';
import { ServerMissing } from './server-missing.ts';

/** The folder of a Python virtual environment that holds these packages (`name==version`); made once and kept in the cache. */
export async function ensurePythonPackages(packages: readonly string[], progress: Progress): Promise<string> {
  const digest = createHash('sha256').update(packages.join('\n')).digest('hex').slice(0, 8);
  const name = `python-${digest}`;
  const cached = () => fromCache(name, 'bin/pip');
  return (
    cached() ??
    (await withLock(
      name,
      async () => cached() ?? (await build(name, packages, progress)),
      () => progress('waiting for another process that installs Python packages'),
    ))
  );
}

async function build(name: string, packages: readonly string[], progress: Progress): Promise<string> {
  const { python3 } = await ensureDebianPrograms({ python3: 'python3-venv' }, progress);
  const folder = buildFolder(name);
  const install = (program: string, args: readonly string[]) =>
    runInstaller(program, args, { label: 'Python packages', progress });
  progress(`installing Python packages (once, half a minute): ${packages.join(' ')}`);
  try {
    // Debian's python3 comes without what makes virtual environments.
    await install(python3, ['-m', 'venv', folder]).catch(async () => {
      await ensureDebianPrograms({}, progress, ['python3-venv']);
      await install(python3, ['-m', 'venv', folder]);
    });
    await install(path.join(folder, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', ...packages]);
  } catch (cause) {
    rmSync(folder, { recursive: true, force: true });
    if (cause instanceof ServerMissing) throw cause;
    const cures = [
      'install Python 3 with its venv module (Debian: apt-get install python3-venv), and let pip reach PyPI',
    ];
    throw new ServerMissing(`the Python packages ${packages.join(' ')} could not be installed`, cures, { cause });
  }
  publish(name, folder);
  return folder;
}
