import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DockerfileParser, type JSONInstruction } from 'dockerfile-ast';
import { templatesOf } from '../stacks/synthesize.ts';

const text = readFileSync('tasks/holdfast/Dockerfile', 'utf8');
const dockerfile = DockerfileParser.parse(text);
const argumentsOf = (keyword: string): string[] =>
  dockerfile
    .getInstructions()
    .filter((instruction) => instruction.getKeyword() === keyword)
    .map((instruction) => instruction.getArgumentsContent() ?? '');

test('the image carries the client tools of every PostgreSQL from 13 to 18', () => {
  const majors = [
    ...argumentsOf('RUN')
      .join('\n')
      .matchAll(/postgresql-client-(\d+)/g),
  ].map(([, major]) => Number(major));

  assert.deepEqual(majors, [13, 14, 15, 16, 17, 18]);
});

test('the base image is pinned to the Node that the project is tested with', () => {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: { node: string } };

  assert.deepEqual(argumentsOf('FROM'), [`public.ecr.aws/docker/library/node:${dependencies.node}-bookworm-slim`]);
});

test('the program gets the signals of the container itself, not a shell', () => {
  const [entrypoint, ...others] = dockerfile.getENTRYPOINTs();

  assert.deepEqual(others, []);
  assert.deepEqual(
    (entrypoint as JSONInstruction).getJSONStrings().map((part) => part.getJSONValue()),
    ['node', 'main.mjs'],
  );
});

test('the program does not run as root', () => {
  assert.deepEqual(argumentsOf('USER'), ['10001:10001']);
});

test('the image holds the program, its map and the configuration, and the context nothing else', () => {
  assert.deepEqual(argumentsOf('WORKDIR'), ['/opt/holdfast']);
  assert.deepEqual(argumentsOf('COPY'), ['main.mjs main.mjs.map holdfast.json ./']);
  assert.deepEqual(readFileSync('tasks/holdfast/.dockerignore', 'utf8').trim().split('\n'), [
    '*',
    '!main.mjs',
    '!main.mjs.map',
    '!holdfast.json',
  ]);
});

test('the program is readable whatever the umask was where the image was built', () => {
  const flags = dockerfile.getCOPYs().map((copy) => copy.getFlags().map(String));

  assert.deepEqual(flags, [['--chmod=0444']]);
});

test('task definitions leave entry point, account and folder to the image', () => {
  const definitions = Object.values(templatesOf().runtime.findResources('AWS::ECS::TaskDefinition'));
  const containers = definitions.flatMap(({ Properties }) => Properties.ContainerDefinitions as object[]);

  assert.equal(containers.length, 3);
  for (const container of containers)
    for (const property of ['EntryPoint', 'Command', 'User', 'WorkingDirectory'])
      assert.equal(property in container, false);
});

test('no secret is built into the image', () => {
  assert.doesNotMatch(text, /^ARG|password|secret|AWS_/im);
});
