import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import type { HoldfastConfig } from './config.ts';
import type { Environment } from './environment.ts';

/**
 * What a Lambda or task finds in its environment: set by the CDK app, the same on AWS and on the local stack. The configuration
 * itself is baked beside the program; these few are known only after deployment.
 */
const runtimeSchema = z.object({
  HOLDFAST_CONFIG: z.string(),
  HOLDFAST_KMS_KEY: z.string().optional(),
  HOLDFAST_CATALOG_FUNCTION: z.string().optional(),
  HOLDFAST_BACKUP_MACHINE: z.string().optional(),
  HOLDFAST_RESTORE_MACHINE: z.string().optional(),
  HOLDFAST_RECOVERY_MACHINE: z.string().optional(),
  HOLDFAST_SCHEDULES_FUNCTION: z.string().optional(),
  HOLDFAST_VALIDATE_FUNCTION: z.string().optional(),
  HOLDFAST_HOLD_FUNCTION: z.string().optional(),
  HOLDFAST_TASKS: z.string().optional(),
  HOLDFAST_MAIL_TOPIC: z.string().optional(),
  HOLDFAST_RESTORE_TEST_MACHINE: z.string().optional(),
  HOLDFAST_CLEANUP_MACHINE: z.string().optional(),
  HOLDFAST_IMAGE: z.string().default('local'),
  HOLDFAST_RUN: z.string().optional(),
  AWS_S3_BUCKET: z.string().optional(),
  // As the SDKs know it. It counts for more than the configuration's endpoint: the local stack stands between programs and that one.
  AWS_ENDPOINT_URL_S3: z.url().optional(),
});

const tasksSchema = z.record(z.string(), z.string());

/** State machines by what they do. */
export type MachineKind = 'backup' | 'restore' | 'recovery' | 'restore-test' | 'cleanup';

export type Runtime = {
  readonly config: HoldfastConfig;
  readonly environment: Environment;
  readonly catalogFunction: string | undefined;
  readonly schedulesFunction: string | undefined;
  readonly validateFunction: string | undefined;
  readonly holdFunction: string | undefined;
  /** Where mails are published. */
  readonly mailTopic: string | undefined;
  /** ARNs of the state machines that the program may start. */
  readonly machines: Readonly<Record<MachineKind, string | undefined>>;
  readonly image: string;
  /** Task families by target, and the usual one under the empty name; of those that admit runs only. */
  readonly tasks: Readonly<Record<string, string>>;
};

/** The program's own configuration and environment. Throws `config-invalid`, naming the variable. */
export function loadRuntime(environment: Environment = process.env): Runtime {
  const parsed = runtimeSchema.safeParse(environment);
  if (!parsed.success) throw new HoldfastError('config-invalid', `environment: ${z.prettifyError(parsed.error)}`);
  const variables = parsed.data;
  const config = readBaked(variables.HOLDFAST_CONFIG);
  return {
    config: {
      ...config,
      store:
        config.store.kind === 's3'
          ? {
              ...config.store,
              bucket: variables.AWS_S3_BUCKET ?? config.store.bucket,
              endpoint: variables.AWS_ENDPOINT_URL_S3 ?? config.store.endpoint,
            }
          : config.store,
      encryption: { ...config.encryption, kmsKey: variables.HOLDFAST_KMS_KEY ?? config.encryption.kmsKey },
    },
    environment,
    catalogFunction: variables.HOLDFAST_CATALOG_FUNCTION,
    schedulesFunction: variables.HOLDFAST_SCHEDULES_FUNCTION,
    validateFunction: variables.HOLDFAST_VALIDATE_FUNCTION,
    holdFunction: variables.HOLDFAST_HOLD_FUNCTION,
    mailTopic: variables.HOLDFAST_MAIL_TOPIC,
    machines: {
      backup: variables.HOLDFAST_BACKUP_MACHINE,
      restore: variables.HOLDFAST_RESTORE_MACHINE,
      recovery: variables.HOLDFAST_RECOVERY_MACHINE,
      'restore-test': variables.HOLDFAST_RESTORE_TEST_MACHINE,
      cleanup: variables.HOLDFAST_CLEANUP_MACHINE,
    },
    image: variables.HOLDFAST_IMAGE,
    tasks: variables.HOLDFAST_TASKS === undefined ? {} : tasksSchema.parse(JSON.parse(variables.HOLDFAST_TASKS)),
  };
}

/** What a task was started for, from `HOLDFAST_RUN`. */
export function runFrom<Run>(schema: z.ZodType<Run>, environment: Environment): Run {
  const text = environment['HOLDFAST_RUN'];
  if (text === undefined)
    throw new HoldfastError('usage', 'HOLDFAST_RUN is not set: a task is started by its state machine');
  const parsed = schema.safeParse(JSON.parse(text));
  if (!parsed.success) throw new HoldfastError('usage', `HOLDFAST_RUN: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** What the app wrote beside the program: checked when it was synthesized, and part of the same asset ever since. */
function readBaked(file: string): HoldfastConfig {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as HoldfastConfig;
  } catch (cause) {
    throw new HoldfastError(
      'config-missing',
      `the configuration '${file}' that belongs beside this program cannot be read`,
      { cause },
    );
  }
}

/** The task of a target, or of another kind of work: its family, as the state machine starts it. Throws `config-invalid` where none is known. */
export function taskOf({ tasks }: Pick<Runtime, 'tasks'>, owner: string): string {
  const family = (Object.hasOwn(tasks, owner) ? tasks[owner] : undefined) ?? tasks[''];
  if (family === undefined) throw new HoldfastError('config-invalid', 'environment: HOLDFAST_TASKS names no task');
  return family;
}
