import { randomBytes } from 'node:crypto';

/** Who makes a call: the program, and the role whose policies would decide on AWS. */
export type Caller = {
  readonly kind: 'function' | 'task' | 'machine' | 'schedule' | 'rule' | 'operator';
  readonly name: string;
  readonly roleArn: string;
};

export type Credentials = { readonly accessKeyId: string; readonly secretAccessKey: string };

/** Credentials, and a token that stands for them in the path of the endpoint's URL. */
export type Identity = Credentials & { readonly token: string };

/** Credentials of one start of the stack: random, never written down but for the operator's, one pair for each caller. */
export class Identities {
  readonly #byAccessKey = new Map<string, { readonly caller: Caller; readonly secretAccessKey: string }>();
  readonly #byToken = new Map<string, Caller>();

  /** New credentials for `caller`. */
  issue(caller: Caller): Identity {
    const identity = {
      accessKeyId: `LOCAL${randomBytes(10).toString('hex').toUpperCase()}`,
      secretAccessKey: randomBytes(30).toString('base64url'),
      token: randomBytes(20).toString('hex'),
    };
    this.#byAccessKey.set(identity.accessKeyId, { caller, secretAccessKey: identity.secretAccessKey });
    this.#byToken.set(identity.token, caller);
    return identity;
  }

  /** Whose access key this is; undefined when it is not of this start. */
  find(accessKeyId: string): { readonly caller: Caller; readonly secretAccessKey: string } | undefined {
    return this.#byAccessKey.get(accessKeyId);
  }

  /** Whose token this is; undefined when it is not of this start. */
  findByToken(token: string): Caller | undefined {
    return this.#byToken.get(token);
  }

  /** Makes credentials worthless, when their program has ended. */
  withdraw({ accessKeyId, token }: Identity): void {
    this.#byAccessKey.delete(accessKeyId);
    this.#byToken.delete(token);
  }
}

/** The services whose calls go to the local endpoint, by the part of the variable's name that the SDKs know. */
const endpointServices = [
  'SFN',
  'LAMBDA',
  'EVENTBRIDGE',
  'SCHEDULER',
  'KMS',
  'SECRETS_MANAGER',
  'STS',
  'SQS',
  'SNS',
] as const;

/**
 * What the SDKs in a function or task need to reach the local endpoint as themselves. With `ownCredentials` the SDKs keep those of
 * the machine, because the store is a real S3 which knows nothing of ours; then the endpoint knows the program by a token in its URL.
 */
export function sdkEnvironment(options: {
  readonly region: string;
  readonly endpointUrl: string;
  readonly identity: Identity;
  readonly ownCredentials: Readonly<Record<string, string>> | undefined;
}): Record<string, string> {
  const { region, endpointUrl, identity, ownCredentials } = options;
  const url = ownCredentials === undefined ? endpointUrl : `${endpointUrl}/as/${identity.token}`;
  return {
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    ...(ownCredentials ?? {
      AWS_ACCESS_KEY_ID: identity.accessKeyId,
      AWS_SECRET_ACCESS_KEY: identity.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: 'true',
    }),
    ...Object.fromEntries(endpointServices.map((service) => [`AWS_ENDPOINT_URL_${service}`, url])),
  };
}
