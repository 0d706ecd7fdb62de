#!/usr/bin/env node
// The package's `bin`: runs the CLI with the Node that the project pins, whatever Node runs this file.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

// Compiled TypeScript is kept from one call to the next: half of the time that a short one takes.
const cache = fileURLToPath(new URL('../.cache/compiled', import.meta.url));
const program = fileURLToPath(new URL('./holdfast.ts', import.meta.url));
const pinned = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));

if (Number(process.versions.node.split('.')[0]) >= 24) {
  module.enableCompileCache(cache);
  await import(program).catch((error) => cannotRun(error));
} else if (existsSync(pinned)) {
  const child = spawn(pinned, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
} else {
  cannotRun("needs Node 24, and 'node_modules/node' is missing\nHINT: run 'npm ci' in the project's folder");
}

/** With a shell's own code for that: a server that calls it as restore_command takes a lower one for the end of its log. */
function cannotRun(why) {
  console.error('holdfast:', why);
  process.exit(126);
}
