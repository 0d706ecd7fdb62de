import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { denials, type Exception, requestsOf, unusedGrants, unusedServiceGrants, withoutExceptions } from './audit.ts';
import { type Canary, type Leaving, sightings } from './canaries.ts';
import type { Shown } from './chapters/chapter.ts';
import type { Request } from './evaluate.ts';
import { type Installation, openInstallation } from './installation.ts';
import { canariesOf, leftBehind } from './left-behind.ts';
import { liveThrough } from './life.ts';
import { platformCalls } from './platform-calls.ts';
import { watchProcesses } from './process-watch.ts';

/** Grants that no call uses, each with its reason. An exception that excuses nothing fails the test. */
const exceptions: readonly Exception[] = [
  {
    role: /StepssweepexpiredRole/,
    action: 's3:AbortMultipartUpload',
    resource: /\/backups\/\*$/,
    because: 'MinIO lists no uploads but by their whole key; that they are abandoned is shown on versitygw',
  },
  {
    role: /TasksSynthesisRole/,
    action: 's3:AbortMultipartUpload',
    resource: /\/backups\/\*$/,
    because: 'an upload that is broken off is abandoned whatever it is of: shown of the task that reads sources',
  },
  {
    role: /ProviderframeworkonEvent/,
    action: 'lambda:InvokeFunction',
    resource: /:\*$/,
    because: "CDK's provider framework grants itself every version of the function, and asks for none",
  },
];

/** A life takes three minutes on two idle cores, and as many times longer as there are others on them. */
const timeout = 20 * 60_000;

suite('in the whole life of an installation', { timeout }, () => {
  let installation: Installation;
  let requests: readonly Request[];
  let shown: readonly Shown[];
  let processes: readonly Leaving[];
  let canaries: readonly Canary[];
  before(
    async () => {
      const watch = watchProcesses();
      try {
        installation = await openInstallation();
        shown = await liveThrough(installation);
      } finally {
        processes = watch.stop();
      }
      canaries = await canariesOf(installation);
      const { opened, policies } = installation;
      requests = [...requestsOf(await opened.stack.calls.read()), ...platformCalls(policies)];
    },
    { timeout },
  );
  after(async () => await installation?.[Symbol.asyncDispose]());

  test('no call that a program or AWS itself makes is denied', async () => {
    assert.deepEqual(await denials(installation.policies, requests), []);
  });

  test('no role may do anything that nobody does', async () => {
    const { unused, stale } = withoutExceptions(await unusedGrants(installation.policies, requests), exceptions);

    assert.deepEqual({ unused, stale }, { unused: [], stale: [] });
  });

  test('no service of AWS is let in that does not come', async () => {
    assert.deepEqual(await unusedServiceGrants(installation.policies, requests), []);
  });

  test('no secret and no key is in a file, an object, a row of the catalog, a log or a history', async () => {
    const leavings = await leftBehind(installation);

    for (const part of [
      ...['.holdfast/logs/', '.holdfast/executions/', '.holdfast/calls.jsonl', 'cdk.out/'],
      ...['/journal/', '/outcomes/', '/backups/', '/leases/', 'table backup_mgmt.'],
    ])
      assert.ok(
        leavings.some(({ where }) => where.includes(part)),
        part,
      );
    assert.deepEqual(sightings(canaries, leavings), []);
  });

  test('no secret is shown to a person, on the command line, by the API or in an alert', () => {
    const texts = [...shown, ...installation.alerts.map((text) => ({ where: 'alert', text }))];

    assert.ok(installation.alerts.length > 0);
    assert.deepEqual(
      sightings(
        canaries,
        texts.map(({ where, text }) => ({ where, content: Buffer.from(text) })),
      ),
      [],
    );
  });

  test('no secret is in the arguments or the environment of a client tool', () => {
    const starts = installation.tools.starts();

    for (const tool of ['pg_dump', 'pg_dumpall', 'pg_restore'])
      assert.ok(
        starts.some(({ where }) => where.endsWith(tool)),
        tool,
      );
    assert.deepEqual(sightings(canaries, starts), []);
  });

  test('no secret is in the arguments or the environment of a function or task, but for a password that the configuration takes from a variable', () => {
    const programs = processes.filter(({ where }) => /environment\.ts|main\.mjs/.test(where));

    for (const program of ['environment.ts', 'main.mjs'])
      assert.ok(
        programs.some(({ where }) => where.includes(program)),
        program,
      );
    const found = sightings(canaries, programs).map((line) =>
      line.replace(/^process '.*(environment\.ts|main\.mjs).*': /, '$1: '),
    );
    assert.deepEqual([...new Set(found)].sort(), [
      'environment.ts: booksPassword (plain)',
      'main.mjs: booksPassword (plain)',
    ]);
  });
});
