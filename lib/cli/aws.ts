import { ListStateMachinesCommand, SFNClient } from '@aws-sdk/client-sfn';
import type { HoldfastConfig } from '../config/config.ts';
import { HoldfastError } from '../core/errors.ts';
import type { RestoreRequest } from '../core/requests.ts';
import { proofWords } from '../core/restore-proof.ts';
import type { CliContext } from './context.ts';
import { type Machines, runRestoreJob } from './jobs.ts';

const pollMs = 2000;

/** The deployed state machines of this configuration's account and region, under the credentials that the AWS SDK finds. */
export function awsMachines(config: HoldfastConfig): Machines {
  const client = new SFNClient({ region: config.aws.region });
  return {
    client,
    pollMs,
    goOn: true,
    arnOf: (kind) => findMachine(client, `${config.aws.name}-${kind}`, config.aws.region),
  };
}

async function findMachine(client: SFNClient, name: string, region: string): Promise<string> {
  let nextToken: string | undefined;
  do {
    const page = await client
      .send(new ListStateMachinesCommand(nextToken === undefined ? {} : { nextToken }))
      .catch((cause: unknown) => {
        throw new HoldfastError(
          'auth-failed',
          `AWS cannot be asked for its state machines: ${cause instanceof Error ? cause.message : cause}`,
          {
            cause,
            hint: 'are AWS credentials set, and may they list state machines?',
          },
        );
      });
    const found = page.stateMachines?.find((machine) => machine.name === name)?.stateMachineArn;
    if (found !== undefined) return found;
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  throw new HoldfastError('config-invalid', `there is no state machine '${name}' in region '${region}'`, {
    hint: "is it deployed there? 'npx cdk deploy --all'",
  });
}

/** Runs a restore through the deployed state machine and waits for it. */
export async function restoreOnAws(context: CliContext, request: RestoreRequest): Promise<number> {
  const { arn, run, proof, next } = await runRestoreJob(context, awsMachines(await context.config()), request);
  context.output.result({ ...run, arn, ...(proof && { proof }), next }, () => [
    `${proof ? proofWords[proof] : 'restored'}: recovery ${run.recoveryId}, execution ${arn}`,
    ...(proof === 'loaded'
      ? ["  what was loaded has the backup's digests; it was not read back: --comparison full does that"]
      : []),
    ...next.map((command) => `  ${command}`),
  ]);
  return 0;
}
