import { randomBytes } from 'node:crypto';

/** Who makes a call: the program, and the role whose policies would decide on AWS. */
export type Caller = {
  readonly kind: 'function' | 'task' | 'machine' | 'schedule' | 'rule' | 'operator';
  readonly name: string;
  readonly roleArn: string;
};

export type Credentials = { readonly accessKeyId: string; readonly secretAccessKey: string };

/** Credentials of one start of the stack: random, never written down but for the operator's, one pair for each caller. */
export class Identities {
  readonly #byAccessKey = new Map<string, { readonly caller: Caller; readonly secretAccessKey: string }>();

  /** New credentials for `caller`. */
  issue(caller: Caller): Credentials {
    const identity = {
      accessKeyId: `LOCAL${randomBytes(10).toString('hex').toUpperCase()}`,
      secretAccessKey: randomBytes(30).toString('base64url'),
    };
    this.#byAccessKey.set(identity.accessKeyId, { caller, secretAccessKey: identity.secretAccessKey });
    return identity;
  }

  /** Whose access key this is; undefined when it is not of this start. */
  find(accessKeyId: string): { readonly caller: Caller; readonly secretAccessKey: string } | undefined {
    return this.#byAccessKey.get(accessKeyId);
  }

  /** Makes credentials worthless, when their program has ended. */
  withdraw({ accessKeyId }: Credentials): void {
    this.#byAccessKey.delete(accessKeyId);
  }
}

/** The services whose calls go to the local endpoint, by the part of the variable's name that the SDKs know. */
const endpointServices = [
  'SFN',
  'ECS',
  'LAMBDA',
  'EVENTBRIDGE',
  'SCHEDULER',
  'KMS',
  'SECRETS_MANAGER',
  'STS',
  'SQS',
  'SNS',
] as const;

/** What the SDKs in a function or task need to reach the local endpoint, and the store's S3 server where there is one, as themselves. */
export function sdkEnvironment(options: {
  readonly region: string;
  readonly endpointUrl: string;
  /** Where S3 is for programs; undefined when the store is a directory. */
  readonly s3Url: string | undefined;
  readonly identity: Credentials;
}): Record<string, string> {
  const { region, endpointUrl, s3Url, identity } = options;
  return {
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: identity.accessKeyId,
    AWS_SECRET_ACCESS_KEY: identity.secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
    ...Object.fromEntries(endpointServices.map((service) => [`AWS_ENDPOINT_URL_${service}`, endpointUrl])),
    ...(s3Url === undefined ? {} : { AWS_ENDPOINT_URL_S3: s3Url }),
  };
}
