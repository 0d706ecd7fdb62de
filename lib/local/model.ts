import type { Json, JsonObject } from './json.ts';

/**
 * What the templates describe, with every reference resolved: the part of AWS that the local stack plays.
 * ARNs are those that the templates' references resolve to; account 000000000000.
 */
export type LocalModel = {
  readonly region: string;
  readonly functions: LocalFunction[];
  /** Names of the functions that have a URL. */
  readonly functionUrls: string[];
  readonly machines: LocalMachine[];
  readonly taskDefinitions: LocalTaskDefinition[];
  readonly services: LocalService[];
  readonly clusters: { readonly name: string; readonly arn: string }[];
  readonly schedules: LocalSchedule[];
  readonly topics: { readonly name: string; readonly arn: string }[];
  readonly subscriptions: LocalSubscription[];
  readonly rules: LocalRule[];
  readonly queues: LocalQueue[];
  readonly buckets: { readonly name: string; readonly arn: string }[];
  readonly keys: LocalKey[];
  readonly secrets: LocalSecret[];
  readonly databases: LocalDatabase[];
  readonly customResources: LocalCustomResource[];
};

/** Where a resource is written, for messages. */
export type Origin = { readonly stack: string; readonly logicalId: string };

export type LocalFunction = {
  readonly origin: Origin;
  readonly name: string;
  readonly arn: string;
  readonly roleArn: string;
  /** The asset's folder: what Lambda would unpack to /var/task. */
  readonly folder: string;
  /** `<file>.<export>`, as in the template. */
  readonly handler: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  readonly memoryMiB: number;
  /** Keeps what an asynchronous invocation could not deal with. */
  readonly deadLetterArn: string | undefined;
};

export type LocalMachine = {
  readonly origin: Origin;
  readonly name: string;
  readonly arn: string;
  readonly roleArn: string;
  readonly definition: JsonObject;
};

export type LocalTaskDefinition = {
  readonly origin: Origin;
  readonly family: string;
  readonly arn: string;
  readonly roleArn: string;
  /** The role under which ECS itself pulls the image and opens the log; whoever starts the task has to be allowed to hand it over. */
  readonly executionRoleArn: string | undefined;
  readonly container: LocalContainer;
};

export type LocalContainer = {
  readonly name: string;
  /** The build context, which holds the program that the image would hold. */
  readonly folder: string;
  readonly dockerFile: string;
  readonly entryPoint: readonly string[] | undefined;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Variable name to secret ARN. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly workingDirectory: string | undefined;
  readonly stopTimeoutSeconds: number;
};

/** A task that runs all the time. */
export type LocalService = {
  readonly origin: Origin;
  readonly name: string;
  readonly arn: string;
  readonly taskDefinition: string;
  readonly desiredCount: number;
};

export type LocalSchedule = {
  readonly origin: Origin;
  readonly name: string;
  readonly group: string;
  readonly expression: string;
  readonly timezone: string;
  readonly isEnabled: boolean;
  readonly targetArn: string;
  /** The roles's ARN under which the schedule calls its target. */
  readonly roleArn: string;
  /** JSON text, which may hold `<aws.scheduler.scheduled-time>`. */
  readonly input: string;
  readonly retryAttempts: number;
  readonly maximumEventAgeSeconds: number;
  readonly deadLetterArn: string | undefined;
};

export type LocalSubscription = {
  readonly topicArn: string;
  readonly protocol: string;
  readonly endpoint: string;
};

export type LocalRule = {
  readonly origin: Origin;
  readonly name: string;
  readonly arn: string;
  readonly isEnabled: boolean;
  readonly pattern: JsonObject;
  readonly targets: readonly LocalRuleTarget[];
};

export type LocalRuleTarget = {
  readonly arn: string;
  readonly input: string | undefined;
  readonly transformer: { readonly paths: Readonly<Record<string, string>>; readonly template: string } | undefined;
};

export type LocalQueue = { readonly name: string; readonly arn: string; readonly url: string };

export type LocalKey = { readonly id: string; readonly arn: string; readonly aliases: string[] };

export type LocalSecret = {
  readonly origin: Origin;
  readonly name: string;
  readonly arn: string;
  readonly value:
    | { readonly kind: 'literal'; readonly text: string }
    | { readonly kind: 'generated'; readonly template: string; readonly key: string; readonly length: number }
    | { readonly kind: 'empty' };
};

export type LocalDatabase = {
  readonly origin: Origin;
  readonly identifier: string;
  readonly arn: string;
  /** `DbiResourceId`, by which policies name who may log in. */
  readonly resourceId: string;
  /** The folder of the unix socket, which is the endpoint's address. */
  readonly socketFolder: string;
  readonly port: number;
  readonly databaseName: string;
  readonly masterUser: string;
};

export type LocalCustomResource = {
  readonly origin: Origin;
  readonly type: string;
  readonly serviceToken: string;
  readonly properties: Readonly<Record<string, Json>>;
};

/** A model with nothing in it, to be filled by the resources. */
export function emptyModel(region: string): LocalModel {
  return {
    region,
    functions: [],
    functionUrls: [],
    machines: [],
    taskDefinitions: [],
    services: [],
    clusters: [],
    schedules: [],
    topics: [],
    subscriptions: [],
    rules: [],
    queues: [],
    buckets: [],
    keys: [],
    secrets: [],
    databases: [],
    customResources: [],
  };
}
