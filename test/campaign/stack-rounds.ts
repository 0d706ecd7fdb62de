import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { errorTable } from '../../lib/core/error-table.ts';
import { manifestKey } from '../../lib/core/object-keys.ts';
import { readKeyFile } from '../../lib/keys/key-file.ts';
import type { ExecutionRecord } from '../../lib/local/executions/history.ts';
import { type SourceServer, sourceServer } from '../e2e/source-server.ts';
import { type FixtureTarget, type OpenStack, openStack, stackFolder, targetNames } from '../e2e/stack-fixture.ts';
import { type Random, randomOf } from '../faults/random.ts';
import { taskProcesses, until } from '../faults/task-processes.ts';
import { readIndependently } from './independent-reader.ts';
import type { RunResult } from './one-run.ts';
import { alteredBetween, type Contents, rawDirectory } from './store-contents.ts';

/** What happens to one target's run in a round: to its tasks, or by a second request. */
const kinds = ['none', 'kill', 'kill', 'stop', 'duplicate', 'race'] as const;
type Kind = (typeof kinds)[number];

type Planned = { readonly target: FixtureTarget; readonly kind: Kind; readonly milliseconds: number };

/**
 * Rounds on the whole local stack: the synthesized state machine, its Lambdas and its tasks, five targets side by side, each with a fault of its
 * own. Each round ends with a night without faults. All rounds share one stack, so a round is played again by playing those before it too.
 */
export async function playStackRounds(
  seed: number,
  rounds: number,
  onResult: (result: RunResult) => void,
): Promise<readonly RunResult[]> {
  await using server = await sourceServer(
    Object.fromEntries(targetNames.map((name) => [name, { noiseKilobytes: 60 }])),
  );
  using folder = await stackFolder({ server });
  await using opened = await openStack(folder);
  const results: RunResult[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const result of await playRound(opened, server, randomOf(seed, -1 - round), round)) {
      results.push(result);
      onResult(result);
    }
  }
  return results;
}

async function playRound(
  opened: OpenStack,
  server: SourceServer,
  random: Random,
  round: number,
): Promise<readonly RunResult[]> {
  const raw = rawDirectory(opened.folder.store);
  const before = await raw.readAll().catch((): Contents => new Map());
  const beganAt = performance.now();
  const planned = targetNames.map(
    (target): Planned => ({ target, kind: random.pick(kinds), milliseconds: random.between(0, 1500) }),
  );
  const begun = [];
  for (const plan of planned) begun.push({ plan, executions: await begin(opened, plan, round) });
  const ended = await Promise.all(
    begun.map(async ({ plan, executions }) => ({
      plan,
      records: await Promise.all(executions.map(({ arn }) => opened.stack.waitFor(arn))),
    })),
  );
  const next = await Promise.all(targetNames.map((target) => opened.stack.waitFor(opened.backup(target).arn)));
  const reconciled = await opened.reconcile();

  const contents = await raw.readAll();
  const altered = alteredBetween(before, contents);
  const unreadable = await unreadableIn(opened, server, contents, before);
  return ended.map(({ plan, records }, index): RunResult => {
    const problems = [
      ...problemsOf(plan, records),
      ...altered.filter((key) => key.includes(`/${plan.target}/`)).map((key) => `R3: '${key}' is gone or another`),
      ...unreadable.filter(({ target }) => target === plan.target).map(({ why }) => why),
    ];
    if (next[index]?.status !== 'SUCCEEDED')
      problems.push(`R7: the next run ended as '${next[index]?.error}': ${next[index]?.cause}`);
    if (reconciled['leftOut'] !== 0) problems.push(`R10: the catalog lacks ${reconciled['leftOut']} events`);
    return {
      run: -1 - round,
      kind: `stack-${plan.kind}`,
      note: `round ${round} on the stack, target '${plan.target}', after ${plan.milliseconds} ms`,
      isInjected: true,
      outcome: [
        ...new Set(records.map(({ status, error }) => (status === 'SUCCEEDED' ? 'completed' : (error ?? '?')))),
      ].join(' + '),
      attempts: 1,
      problems,
      seconds: (performance.now() - beganAt) / 1000,
      log: '',
    };
  });
}

/** Starts a target's executions, and does to the first task what is planned. */
async function begin(
  opened: OpenStack,
  { target, kind, milliseconds }: Planned,
  round: number,
): Promise<readonly ExecutionRecord[]> {
  const earlier = new Set(taskProcesses());
  const slot = { tier: 'daily', scheduledTime: new Date(Date.UTC(2026, 9, 1 + round, 2)).toISOString() };
  const first = opened.backup(target, kind === 'duplicate' ? slot : {});
  const more = kind === 'duplicate' ? [opened.backup(target, slot)] : [];
  const pid = await until('a new task process', () => taskProcesses().find((candidate) => !earlier.has(candidate)));
  if (kind === 'race') more.push(opened.backup(target));
  if (kind === 'kill' || kind === 'stop') {
    void delay(milliseconds).then(() => {
      // It may have ended by itself, and its number be another's.
      if (taskProcesses().includes(pid)) process.kill(pid, kind === 'kill' ? 'SIGKILL' : 'SIGTERM');
    });
  }
  return [first, ...more];
}

const mayEnd: Readonly<Record<Kind, readonly string[]>> = {
  none: [],
  kill: ['task-killed'],
  stop: ['stopped'],
  duplicate: [],
  race: ['lease-held'],
};

function problemsOf({ kind }: Planned, records: readonly ExecutionRecord[]): string[] {
  const problems = records.flatMap(({ name, status, error, cause }) =>
    status === 'SUCCEEDED' || mayEnd[kind].includes(error ?? '')
      ? []
      : [`'${name}' ended as '${error}' (${cause}), which was not to be expected`],
  );
  if (kind !== 'duplicate') return problems;
  const verdicts = records.map(({ output = '{}' }) => (JSON.parse(output) as { verdict?: string }).verdict);
  const duplicates = verdicts.filter((verdict) => verdict === 'duplicate').length;
  return duplicates === 1 ? problems : [...problems, `R4: of two requests for one time ${duplicates} were duplicates`];
}

/** R1 and R8 for everything that the catalog calls complete and was not there before. */
async function unreadableIn(
  { catalog, folder }: OpenStack,
  server: SourceServer,
  contents: Contents,
  before: Contents,
): Promise<readonly { readonly target: string; readonly why: string }[]> {
  const [{ key: keyFile }] = await readKeyFile(folder.config.encryption.keyFile);
  const found: { target: string; why: string }[] = [];
  const secrets = [
    server.backupPassword,
    keyFile.toString('base64'),
    JSON.parse(await readFile(folder.config.encryption.keyFile, 'utf8')).keys[0].key,
  ];
  for (const [place, bytes] of contents)
    if (secrets.some((secret: string) => bytes.includes(secret)))
      found.push({ target: place.split('/')[1] ?? '', why: `R8: '${place}' holds a secret` });
  for (const { backupId, target, status, errorCode } of await catalog.list({ limit: 1000 })) {
    if (target === null) continue;
    const key = manifestKey(target, backupId);
    if (status === 'FAILED' && !(errorCode !== null && errorCode in errorTable && errorCode !== 'internal'))
      found.push({ target, why: `backup '${backupId}' failed as '${errorCode}'` });
    if (status !== 'COMPLETED' || before.has(key)) continue;
    const why = await readIndependently(contents, key, { keyFile, binDir: server.binDir }).then(
      ({ databases }) => (databases[target] === undefined ? 'the database is not in it' : undefined),
      (error: unknown) => String(error),
    );
    if (why !== undefined) found.push({ target, why: `SILENT: '${backupId}' is complete and cannot be read: ${why}` });
  }
  return found;
}
