import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './source-files.ts';

// What a user does before deploying, `cdk synth` of the example, and cfn-lint over the templates that come of it.
const assembly = mkdtempSync(join(tmpdir(), 'holdfast-templates-'));
try {
  run(join(root, 'node_modules/.bin/cdk'), ['synth', '--quiet', '--output', assembly]);
  run(process.execPath, ['scripts/cfn-lint.ts', assembly]);
} finally {
  rmSync(assembly, { recursive: true, force: true });
}

function run(program: string, args: readonly string[]): void {
  const { status } = spawnSync(program, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) {
    rmSync(assembly, { recursive: true, force: true });
    process.exit(status ?? 1);
  }
}
