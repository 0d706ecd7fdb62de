import { ensureAwsCli } from './servers/aws-cli.ts';
import { ensureBaseImages } from './servers/base-images.ts';
import { NoContainers } from './servers/container-engine.ts';
import { ensureFaketime } from './servers/faketime.ts';
import { ensureMinio } from './servers/minio.ts';
import { ensureNeo4j } from './servers/neo4j.ts';
import { ensurePostgres, testedMajors } from './servers/postgres.ts';
import { ensurePromtool } from './servers/promtool.ts';
import { ensureRedis, testedServers } from './servers/redis.ts';
import { ensureSchemathesis } from './servers/schemathesis.ts';
import { ensureVersitygw } from './servers/versitygw.ts';
import { runSteps, runTests, type Step, staticSteps } from './steps.ts';
import { testFiles } from './test-files.ts';

const templates: Step = { name: 'templates', program: process.execPath, args: ['scripts/check-templates.ts'] };

// npm test: everything. The servers are found or installed while the checks without them run; then the whole suite.
const isReady = await Promise.all([runSteps([...staticSteps, templates]), ensureServers()]);
if (isReady.every(Boolean)) {
  process.exitCode = await runTests(testFiles());
} else {
  console.log('✖ the tests were not run: what is marked above comes first');
  process.exitCode = 1;
}

/** Finds or installs what the tests run against, and resolves with whether all of it is there. */
async function ensureServers(): Promise<boolean> {
  const progress = (line: string) => console.log(`… ${line}`);
  const builds = (async () => [
    await report('versitygw', ensureVersitygw(progress)),
    await report('MinIO', ensureMinio(progress)),
  ])();
  const image = reportImage(ensureBaseImages(progress));
  const unpacked: boolean[] = [];
  unpacked.push(await report('promtool', ensurePromtool(progress)));
  for (const major of testedMajors) unpacked.push(await report(`PostgreSQL ${major}`, ensurePostgres(major, progress)));
  for (const which of testedServers)
    unpacked.push(
      await report(
        which,
        ensureRedis(which, progress).then(({ server }) => server),
      ),
    );
  unpacked.push(await report('Neo4j', ensureNeo4j(progress)));
  unpacked.push(await report('libfaketime', ensureFaketime(progress)));
  unpacked.push(await report('schemathesis', ensureSchemathesis(progress)));
  unpacked.push(await report('AWS CLI', ensureAwsCli(progress)));
  return [...unpacked, ...(await builds), await image].every(Boolean);
}

/** A machine that cannot run containers runs all other tests; what it leaves out is said where it cannot be overlooked. */
async function reportImage(made: Promise<unknown>): Promise<boolean> {
  const error: unknown = await made.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof NoContainers))
    return report(
      'bases of the task images',
      made.then(() => 'made'),
    );
  console.log(`⚠ the task image is not built, and only the contract of its Dockerfile is checked: ${error.message}`);
  return true;
}

async function report(name: string, wanted: Promise<string>): Promise<boolean> {
  try {
    console.log(`✔ ${name}: ${await wanted}`);
    return true;
  } catch (error) {
    console.log(`✖ ${name}: ${error instanceof Error ? error.message : error}`);
    if (error instanceof Error && error.cause instanceof Error) console.log(error.cause.message);
    return false;
  }
}
