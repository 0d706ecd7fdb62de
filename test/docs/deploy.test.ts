import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { parseConfig } from '../../lib/config/load.ts';
import { ordinary, templatesOf } from '../stacks/synthesize.ts';
import { commandsOf, shellLines, wordsOf } from './command-lines.ts';

const guide = readFileSync('docs/deploy.md', 'utf8');
const templates = templatesOf();

test('every shell block of the guide is one that a shell reads', () => {
  const lines = shellLines(guide);

  assert.ok(lines.length > 15, String(lines.length));
  for (const line of lines) {
    const { status, stderr } = spawnSync('/bin/sh', ['-n', '-c', line], { encoding: 'utf8' });
    assert.equal(status, 0, `${line}: ${stderr}`);
  }
});

test('every command of npm, cdk and the shell that the guide names is there, with its options', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  for (const line of commandsOf('npm run', guide)) assert.ok((wordsOf(line)[2] ?? '') in scripts, line);
  for (const line of commandsOf('cp', guide)) assert.ok(existsSync(wordsOf(line)[1] ?? ''), line);

  const commands = commandsOf('cdk', guide.replaceAll('npx --prefix "$OLDPWD" cdk', 'npx cdk'));
  assert.deepEqual([...new Set(commands.map((line) => wordsOf(line)[1]))].sort(), [
    'bootstrap',
    'deploy',
    'diff',
    'synth',
  ]);
  for (const line of commands) {
    const [, verb = '', ...words] = wordsOf(line);
    const { stdout } = spawnSync(process.execPath, ['node_modules/aws-cdk/bin/cdk', verb, '--help'], {
      encoding: 'utf8',
    });
    assert.match(stdout, new RegExp(`^cdk ${verb}`), line);
    for (const option of words.filter((word) => word.startsWith('-')))
      assert.match(stdout, new RegExp(`${option}\\b`), line);
  }
});

test('every stack and output that the guide names is in the app', () => {
  const named = [...guide.matchAll(/^\| `holdfast-(\w+)` \| (.*?) \|/gm)].map(([, stack = '', text = '']) => ({
    stack,
    outputs: [...text.matchAll(/outputs? `(\w+)`(?: and `(\w+)`)?/g)].flatMap(([, ...names]) =>
      names.filter((name) => name !== undefined),
    ),
  }));

  assert.deepEqual(
    named.map(({ stack, outputs }) => [stack, outputs]),
    [
      ['vault', ['BucketName', 'KeyArn']],
      ['catalog', []],
      ['runtime', ['ApiUrl', 'TaskSecurityGroupId']],
      ['watch', []],
    ],
  );
  for (const { stack, outputs } of named) {
    const template = templates[stack as keyof typeof templates];
    for (const output of outputs) assert.notDeepEqual(template.findOutputs(output), {}, `${stack}: ${output}`);
  }
  for (const [, stack = '', output = ''] of guide.matchAll(/--stack-name holdfast-(\w+) .*?OutputKey=='(\w+)'/gs))
    assert.notDeepEqual(templates[stack as keyof typeof templates].findOutputs(output), {}, output);
});

test('the security group that the guide lets in is the one that tasks run in', () => {
  const { runtime } = templates;
  const output = runtime.findOutputs('TaskSecurityGroupId')['TaskSecurityGroupId'];
  const machines = JSON.stringify(runtime.findResources('AWS::StepFunctions::StateMachine'));

  assert.ok(machines.includes(JSON.stringify(output?.['Value'])), JSON.stringify(output));
});

test('the settings that the guide shows are settings', () => {
  const blocks = [...guide.matchAll(/^ *```yaml\n(.*?)^ *```$/gms)].map(([, block = '']) => parse(block) as object);

  assert.equal(blocks.length, 1);
  const text = JSON.stringify({ ...(parse(ordinary) as object), ...blocks[0] });
  const config = parseConfig(text, { file: 'holdfast.yaml', directory: '/project', environment: {} });
  assert.equal(config.aws.vpc?.id, 'vpc-0123456789abcdef0');
});
