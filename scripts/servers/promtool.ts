import { rmSync } from 'node:fs';
import path from 'node:path';
import { buildFolder, publish, withLock } from '../../lib/local/install-cache.ts';
import { type Progress, runInstaller } from '../../lib/local/run-installer.ts';
import { fromCache, fromEnvironment, fromPath } from './find.ts';
import { ServerMissing } from './server-missing.ts';

/**
 * The absolute path of promtool: from HOLDFAST_TEST_PROMTOOL (a folder), PATH, the cache, or taken out of Debian's package of Prometheus
 * without installing that, which would start a server. (Go cannot build it by its version: its module replaces others.)
 */
export async function ensurePromtool(progress: Progress): Promise<string> {
  const named = fromEnvironment('HOLDFAST_TEST_PROMTOOL', 'promtool');
  if (named) return path.join(named, 'promtool');
  const installed = fromPath('promtool');
  if (installed) return installed;
  const name = 'promtool-debian';
  const program = 'usr/bin/promtool';
  const cached = () => fromCache(name, program);
  const found =
    cached() ??
    (await withLock(
      name,
      async () => cached() ?? (await unpack(name, progress)),
      () => progress('waiting for another process that unpacks promtool'),
    ));
  return path.join(found, program);
}

async function unpack(name: string, progress: Progress): Promise<string> {
  const cures = [
    'install Prometheus (Debian: apt-get install prometheus; macOS: brew install prometheus), whose package has promtool',
    'or set HOLDFAST_TEST_PROMTOOL to the folder of a promtool program',
  ];
  const [aptGet, dpkg] = [fromPath('apt-get'), fromPath('dpkg-deb')];
  if (!aptGet || !dpkg) throw new ServerMissing('the test program promtool is not installed', cures);
  const folder = buildFolder(name);
  progress('unpacking promtool (once, some seconds): apt-get download prometheus');
  try {
    const inFolder = (command: string) =>
      runInstaller('/bin/sh', ['-c', `cd "$0" && ${command}`, folder], { label: 'promtool', progress });
    await inFolder(`"${aptGet}" download -qq prometheus`).catch(() =>
      inFolder(`"${aptGet}" update -qq && "${aptGet}" download -qq prometheus`),
    );
    await inFolder(`"${dpkg}" -x prometheus_*.deb . && rm prometheus_*.deb`);
  } catch (cause) {
    rmSync(folder, { recursive: true, force: true });
    throw new ServerMissing('promtool could not be taken out of its Debian package', cures, { cause });
  }
  publish(name, folder);
  return folder;
}
