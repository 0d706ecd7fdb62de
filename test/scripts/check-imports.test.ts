import assert from 'node:assert/strict';
import { test } from 'node:test';
import { importProblems } from '../../scripts/check-imports.ts';

const problemsOf = (file: string, text: string) => importProblems([file], () => text);

test('a part may not import a program, nor the core anything but itself', () => {
  assert.deepEqual(problemsOf('lib/store/a.ts', "import { b } from '../cli/b.ts';\n"), [
    "lib/store/a.ts: 'lib/store' may not import 'lib/cli' ('lib/cli/b.ts')",
  ]);
  assert.deepEqual(problemsOf('lib/core/a.ts', "import type { B } from '../config/b.ts';\n"), [
    "lib/core/a.ts: 'lib/core' may not import 'lib/config' ('lib/config/b.ts')",
  ]);
  assert.deepEqual(
    problemsOf('lib/cli/a.ts', "import {\n  b,\n} from '../core/b.ts';\nawait import('../store/c.ts');\n"),
    [],
  );
});

test('nothing that runs loads the CDK, not even lazily', () => {
  assert.deepEqual(problemsOf('lambdas/api/handler.ts', "const cdk = await import('aws-cdk-lib/aws-s3');\n"), [
    "lambdas/api/handler.ts: 'aws-cdk-lib/aws-s3' is for stacks and constructs only",
  ]);
});

test('a folder that the table does not know is an error', () => {
  assert.deepEqual(problemsOf('lib/utils/a.ts', "import { b } from '../core/b.ts';\n"), [
    "lib/utils/a.ts: 'lib/utils' has no row in scripts/check-imports.ts",
  ]);
});

test('only lib/config and lib/observe read environment variables; handing all of them on is no reading', () => {
  const problem = ['lib/cli/a.ts: reads the environment; that is for lib/config'];

  assert.deepEqual(problemsOf('lib/cli/a.ts', "const home = process.env['HOME'];\n"), problem);
  assert.deepEqual(problemsOf('lib/cli/a.ts', 'const { HOME } = process.env;\n'), problem);
  assert.deepEqual(problemsOf('lib/cli/a.ts', 'loadConfig(process.env);\n'), []);
  assert.deepEqual(problemsOf('lib/config/a.ts', 'const { HOME } = process.env;\n'), []);
});

test('only the catalog and the engines hold SQL', () => {
  const problem = ['lib/runner/a.ts: holds SQL; that is for lib/catalog and lib/engines'];

  assert.deepEqual(problemsOf('lib/runner/a.ts', 'query(`\n  select id from backup_h where true`);\n'), problem);
  assert.deepEqual(problemsOf('lib/runner/a.ts', "query('drop table t');\n"), problem);
  assert.deepEqual(problemsOf('lib/engines/a.ts', "query('drop table t');\n"), []);
});
