import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

/**
 * Checks the templates of a cloud assembly (`cdk.out`, or the folder given) with cfn-lint. Any error fails, and so does W3030, a value that is
 * not among those that a property allows, which `cdk synth` takes for a mere warning. Installs the pinned release on first use.
 *
 * Ends with 0 when all is well, 1 when there is a finding, 20 when cfn-lint cannot be installed.
 */
const version = '1.58.0';
const home = resolve(import.meta.dirname, '..', '.cache', `cfn-lint-${version}`);
const bin = join(home, process.platform === 'win32' ? 'Scripts' : 'bin');
const python = join(bin, 'python');

/**
 * What cfn-lint says that we know better, and why.
 * - W3005: CDK writes dependencies that another reference implies already.
 * - W1030: values that only AWS knows, such as imported ones, cannot be judged by their form.
 * - W3691: it takes a major version of an engine ('17', which RDS completes with its newest minor) for a withdrawn minor one.
 */
const ignored = ['W3005', 'W1030', 'W3691'];

const assembly = resolve(process.argv[2] ?? 'cdk.out');
const templates = existsSync(assembly) ? readdirSync(assembly).filter((file) => file.endsWith('.template.json')) : [];
if (templates.length === 0) {
  console.error(`no templates in '${assembly}'\nHINT: run 'npx cdk synth' first`);
  process.exit(2);
}
if (!existsSync(join(home, 'complete'))) install();

const { status, stdout, stderr } = spawnSync(
  join(bin, 'cfn-lint'),
  [
    '-m',
    'cfnlint',
    '--ignore-checks',
    ...ignored,
    '--format',
    'parseable',
    '--',
    ...templates.map((file) => join(assembly, file)),
  ],
  { encoding: 'utf8' },
);
const findings = stdout.split('\n').filter((line) => line !== '');
for (const finding of findings) console.log(finding);
if (status === null || stderr !== '') console.error(stderr);
const fatal = findings.filter((finding) => /:(E\d{4}|W3030):/.test(finding));
console.log(
  `cfn-lint ${version}: ${templates.length} templates, ${fatal.length} errors, ${findings.length - fatal.length} warnings`,
);
// cfn-lint's own exit code has a bit per kind of finding; 2 and 32 upwards are errors and its own failures.
process.exit(fatal.length > 0 || status === null || (status & ~(4 | 8)) !== 0 ? 1 : 0);

function install(): void {
  rmSync(home, { recursive: true, force: true });
  const steps: readonly (readonly [string, readonly string[]])[] = [
    ['python3', ['-m', 'venv', home]],
    [python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `cfn-lint==${version}`]],
    [python, ['-c', `open(${JSON.stringify(join(home, 'complete'))}, 'w').close()`]],
  ];
  for (const [command, args] of steps) {
    const run = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    if (run.status === 0) continue;
    console.error(
      `cfn-lint ${version} could not be installed: '${command} ${args.slice(0, 2).join(' ')}' failed\n` +
        'HINT: it needs python3 with venv and pip, and PyPI',
    );
    process.exit(20);
  }
}
