import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { DockerfileParser, type JSONInstruction } from 'dockerfile-ast';
import { templatesOf } from '../stacks/synthesize.ts';

/** The images, and the packages of PostgreSQL that each has of every major version, if any. */
const images = { holdfast: 'postgresql-client', 'restore-test': 'postgresql', neo4j: undefined } as const;

for (const [folder, packages] of Object.entries(images)) {
  suite(`the image '${folder}'`, () => {
    const text = readFileSync(`tasks/${folder}/Dockerfile`, 'utf8');
    const dockerfile = DockerfileParser.parse(text);
    /** What is copied from the context, and not from another stage. */
    const ownCopies = () => dockerfile.getCOPYs().filter((copy) => copy.getFromFlag() === null);
    const argumentsOf = (keyword: string): string[] =>
      dockerfile
        .getInstructions()
        .filter((instruction) => instruction.getKeyword() === keyword)
        .map((instruction) => instruction.getArgumentsContent() ?? '');

    test(packages ? `carries ${packages} of every PostgreSQL from 13 to 18` : 'carries nothing of PostgreSQL', () => {
      const majors = [
        ...argumentsOf('RUN')
          .join('\n')
          .matchAll(new RegExp(`${packages ?? 'postgresql\\S*'}-(\\d+)`, 'g')),
      ].map(([, major]) => Number(major));

      assert.deepEqual(majors, packages ? [13, 14, 15, 16, 17, 18] : []);
    });

    test('has a base that is pinned to the Node that the project is tested with', () => {
      const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: { node: string } };

      assert.equal(argumentsOf('FROM').at(-1), `public.ecr.aws/docker/library/node:${dependencies.node}-bookworm-slim`);
    });

    test('gives the program the signals of the container itself, not a shell', () => {
      const [entrypoint, ...others] = dockerfile.getENTRYPOINTs();

      assert.deepEqual(others, []);
      assert.deepEqual(
        (entrypoint as JSONInstruction).getJSONStrings().map((part) => part.getJSONValue()),
        ['node', 'main.mjs'],
      );
    });

    test('does not run its program as root', () => {
      assert.deepEqual(argumentsOf('USER'), ['10001:10001']);
    });

    test('holds the programs, their maps, what they load and the configuration, and its context nothing else', () => {
      assert.deepEqual(argumentsOf('WORKDIR'), ['/opt/holdfast']);
      assert.deepEqual(
        ownCopies().map((copy) => copy.getArgumentsContent()),
        ['*.mjs *.mjs.map holdfast.json ./', 'node_modules ./node_modules'],
      );
      assert.deepEqual(readFileSync(`tasks/${folder}/.dockerignore`, 'utf8').trim().split('\n'), [
        '*',
        '!*.mjs',
        '!*.mjs.map',
        '!holdfast.json',
        '!node_modules',
      ]);
    });

    test('has its program readable whatever the umask was where the image was built', () => {
      const flags = ownCopies().map((copy) => copy.getFlags().map(String));

      assert.deepEqual(flags, [['--chmod=0444'], []]);
      assert.ok(argumentsOf('RUN').includes('chmod -R a+rX,go-w node_modules'));
    });

    test('has no secret built into it', () => {
      assert.doesNotMatch(text, /^ARG|password|secret|AWS_/im);
    });
  });
}

test('the image of restore tests has every locale, because a database comes back in its own', () => {
  assert.match(readFileSync('tasks/restore-test/Dockerfile', 'utf8'), /^ {6}locales-all \\$/m);
});

test('the image of restore tests has Redis and Valkey of today beside those of its Debian, and each finds its own libraries', () => {
  const text = readFileSync('tasks/restore-test/Dockerfile', 'utf8');

  assert.match(
    text,
    /apt-get install --yes --no-install-recommends patchelf 'redis-tools=5:8\.\*' 'valkey-tools=8\.1\.\*'/,
  );
  assert.match(text, /^COPY --from=servers \/servers \/opt\/servers\nENV HOLDFAST_REDIS_BIN=\/opt\/servers\/bin$/m);
  assert.match(
    text,
    /--set-interpreter "\/opt\/servers\/lib\/\$loader" --force-rpath --set-rpath \/opt\/servers\/lib /,
  );
});

test('no server is made or started while the packages of servers are installed', () => {
  const text = readFileSync('tasks/restore-test/Dockerfile', 'utf8');

  assert.ok(text.indexOf('create_main_cluster = false') < text.indexOf('postgresql-13'));
});

test('the image of Neo4j has the long-term version of the Community edition, and the Java that it runs on', () => {
  const text = readFileSync('tasks/neo4j/Dockerfile', 'utf8');

  assert.match(text, /apt-get install --yes --no-install-recommends openjdk-17-jre-headless 'neo4j=1:5\.26\.\*'/);
  assert.doesNotMatch(text, /neo4j-enterprise|ACCEPT_LICENSE/i);
});

test('task definitions leave entry point, account and folder to the image', () => {
  const definitions = Object.values(templatesOf().runtime.findResources('AWS::ECS::TaskDefinition'));
  const containers = definitions.flatMap(({ Properties }) => Properties.ContainerDefinitions as object[]);

  assert.equal(containers.length, 4);
  for (const container of containers)
    for (const property of ['EntryPoint', 'Command', 'User', 'WorkingDirectory'])
      assert.equal(property in container, false);
});
