import { Annotations, Duration, RemovalPolicy, Stack, Tags, Validations } from 'aws-cdk-lib';
import type { Role } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type IBucket,
  ObjectLockRetention,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { acknowledge } from '../checks/acknowledge.ts';
import type { HoldfastConfig } from '../config/config.ts';
import { prefixes } from '../core/object-keys.ts';
import { allow } from './allow.ts';
import { lifecycleRules } from './vault-lifecycle.ts';
import { keeperTag, vaultGuards } from './vault-policy.ts';

/** A part of the store, as in lib/core/object-keys.ts. `manifests` is of `backups` what says of them everything but their content. */
export type StorePart = keyof typeof prefixes | 'manifests';

const keyPatterns: Readonly<Record<StorePart, string>> = {
  backups: `${prefixes.backups}*`,
  manifests: `${prefixes.backups}*/manifest.json`,
  journal: `${prefixes.journal}*`,
  outcomes: `${prefixes.outcomes}*`,
  requests: `${prefixes.requests}*`,
  idempotency: `${prefixes.idempotency}*`,
  reports: `${prefixes.reports}*`,
  leases: `${prefixes.leases}*`,
  inUse: `${prefixes.inUse}*`,
  cleanups: `${prefixes.cleanups}*`,
  checks: `${prefixes.checks}*`,
  services: `${prefixes.services}*`,
  health: `${prefixes.health}*`,
  alerts: `${prefixes.alerts}*`,
  wal: `${prefixes.wal}*`,
};

export type VaultProps = {
  readonly store: HoldfastConfig['store'];
  readonly encryption: HoldfastConfig['encryption'];
  /** How long backups are kept, in days: what stays long enough moves to colder classes. */
  readonly retentionDays: readonly number[];
  /** Default lock of new objects. @default - objects can be locked, and none is by default */
  readonly objectLock?: HoldfastConfig['aws']['objectLock'];
};

/**
 * Where backups lie: a versioned, lockable bucket and the key that wraps the backups' own keys, or existing ones by name. Both outlive
 * their stack. Objects are encrypted before they get here, so the bucket itself uses S3's own encryption: that leaves `kms:Decrypt` to the
 * roles that open backups, where a bucket under the same key would hand it to every function that reads the journal.
 */
export class Vault extends Construct {
  readonly bucket: IBucket;
  /** The key's ARN; undefined unless `encryption.keys` is `kms`. */
  readonly keyArn: string | undefined;
  /** What programs find in their environment: bucket, region and key, as far as the configuration has them. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #prefix: string;

  constructor(scope: Construct, id: string, props: VaultProps) {
    super(scope, id);
    const { store, encryption } = props;
    this.#prefix = store.kind === 's3' ? store.prefix : '';
    this.bucket =
      store.kind === 's3' && store.bucket !== undefined ? this.#adoptBucket(store.bucket) : this.#makeBucket(props);
    if (encryption.keys === 'kms') this.keyArn = encryption.kmsKey ?? this.#makeKey().keyArn;
    this.environment = {
      ...(store.kind === 's3'
        ? { AWS_S3_BUCKET: this.bucket.bucketName, AWS_S3_REGION: store.region ?? Stack.of(this).region }
        : {}),
      ...(this.keyArn === undefined ? {} : { HOLDFAST_KMS_KEY: this.keyArn }),
    };
    this.#warnOfWhatAwsCannotReach(props);
  }

  /** The vault that a configuration describes. */
  static of(scope: Construct, id: string, config: HoldfastConfig): Vault {
    return new Vault(scope, id, {
      store: config.store,
      encryption: config.encryption,
      retentionDays: config.targets.flatMap((target) => Object.values(target.retentionDays)),
      ...(config.aws.objectLock === undefined ? {} : { objectLock: config.aws.objectLock }),
    });
  }

  /** Does a configuration leave anything to be made, or are both bucket and key there already? */
  static isMade({ store, encryption }: HoldfastConfig): boolean {
    const ownBucket = store.kind === 'file' || store.bucket === undefined;
    return ownBucket || (encryption.keys === 'kms' && encryption.kmsKey === undefined);
  }

  /** Lets `role` read objects of these parts. */
  grantGet(role: Role, ...parts: readonly StorePart[]): void {
    this.#grant(role, 'Read', ['s3:GetObject'], parts);
  }

  /**
   * Lets `role` write objects of these parts: new ones only, which the bucket's policy sees to, but for leases. It can neither delete nor
   * lock or unlock anything.
   */
  grantPut(role: Role, ...parts: readonly StorePart[]): void {
    this.#grant(role, 'Write', ['s3:PutObject'], parts);
  }

  /** Lets `role` write backups of any length, tagged for the lifecycle: in parts, and giving them up again. */
  grantUpload(role: Role): void {
    this.#grant(role, 'Upload', ['s3:PutObject', 's3:PutObjectTagging', 's3:AbortMultipartUpload'], ['backups']);
  }

  /**
   * Lets `role` list keys of these parts. Readers need it too: without it, S3 answers "denied" where it should say "no such object". It asks
   * for this permission without naming a prefix then, hence `IfExists`.
   */
  grantList(role: Role, ...parts: readonly Exclude<StorePart, 'manifests'>[]): void {
    allow(role, {
      sid: 'ListObjects',
      actions: ['s3:ListBucket'],
      resources: [this.bucket.bucketArn],
      conditions: { StringLikeIfExists: { 's3:prefix': parts.map((part) => `${this.#prefix}${keyPatterns[part]}`) } },
    });
  }

  /**
   * Lets `role` keep the write-ahead log of one target: list and read what there is, write new objects, wrap new data keys, and say how it
   * is.
   */
  grantReceiveWal(role: Role, target: string): void {
    const log = `${this.#prefix}${prefixes.wal}${target}/*`;
    const health = `${this.#prefix}${prefixes.health}wal/${target}.json`;
    const wildcardReason = "keys of a log are made as it comes, below the target's own prefix";
    allow(role, {
      sid: 'ListLog',
      actions: ['s3:ListBucket'],
      resources: [this.bucket.bucketArn],
      conditions: { StringLikeIfExists: { 's3:prefix': [log] } },
    });
    const [inLog, ofHealth] = [this.bucket.arnForObjects(log), this.bucket.arnForObjects(health)];
    allow(role, { sid: 'ReadLog', actions: ['s3:GetObject'], resources: [inLog, ofHealth], wildcardReason });
    allow(role, { sid: 'WriteLog', actions: ['s3:PutObject'], resources: [inLog, ofHealth], wildcardReason });
    allow(role, { sid: 'TagLog', actions: ['s3:PutObjectTagging'], resources: [inLog], wildcardReason });
    this.grantWrap(role);
  }

  /** Lets `role` ask for locks and legal holds of backups, which gives it no right to read them. */
  grantSeeLocks(role: Role): void {
    this.#grant(role, 'SeeLocks', ['s3:GetObjectRetention', 's3:GetObjectLegalHold'], ['backups']);
  }

  /**
   * Lets `role` remove objects of these parts with all their versions, mark what a lock keeps, and set legal holds of backups; of the journal and
   * the leases it can remove nothing. The bucket's policy refuses all of that to every role but one that bears the keeper's tag, which this gives it.
   */
  grantRemove(role: Role, ...parts: readonly Exclude<StorePart, 'manifests' | 'journal' | 'leases'>[]): void {
    Tags.of(role).add(keeperTag.key, keeperTag.value);
    this.#grant(role, 'Remove', ['s3:DeleteObject', 's3:DeleteObjectVersion'], parts);
    this.#grant(role, 'Abandon', ['s3:AbortMultipartUpload'], ['backups']);
    this.#grant(role, 'Mark', ['s3:PutObjectTagging', 's3:PutObjectLegalHold'], ['backups']);
    this.grantSeeLocks(role);
    allow(role, {
      sid: 'ListVersions',
      actions: ['s3:ListBucketVersions', 's3:ListBucketMultipartUploads'],
      resources: [this.bucket.bucketArn],
    });
  }

  /** Lets `role` wrap data keys of backups, which their encryption context names, and nothing else. */
  grantWrap(role: Role): void {
    this.#grantKey(role, 'WrapDataKeys', 'kms:Encrypt');
  }

  /** Lets `role` see what state the key is in, and nothing more of it. */
  grantDescribeKey(role: Role): void {
    if (this.keyArn !== undefined)
      allow(role, { sid: 'SeeStateOfKey', actions: ['kms:DescribeKey'], resources: [this.keyArn] });
  }

  /** Lets `role` unwrap data keys, and with them read backups. */
  grantUnwrap(role: Role): void {
    this.#grantKey(role, 'UnwrapDataKeys', 'kms:Decrypt');
  }

  /** Lets `role` read backups of these targets, and of no other: what builds on an earlier backup has to. */
  grantUnwrapOf(role: Role, targets: readonly string[]): void {
    this.#grantKey(role, 'UnwrapDataKeysOfTargets', 'kms:Decrypt', {
      StringEquals: { 'kms:EncryptionContext:target': targets },
    });
  }

  #grantKey(
    role: Role,
    sid: string,
    action: string,
    more: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {},
  ): void {
    if (this.keyArn === undefined) return;
    const conditions = { 'ForAnyValue:StringEquals': { 'kms:EncryptionContextKeys': 'backupId' }, ...more };
    allow(role, { sid, actions: [action], resources: [this.keyArn], conditions });
  }

  #grant(role: Role, verb: string, actions: readonly string[], parts: readonly StorePart[]): void {
    allow(role, {
      // A role may be granted twice, and ids of statements have to differ.
      sid: [verb, ...parts.map((part) => part.charAt(0).toUpperCase() + part.slice(1))].join(''),
      actions,
      resources: parts.map((part) => this.bucket.arnForObjects(`${this.#prefix}${keyPatterns[part]}`)),
      wildcardReason: `keys below a prefix of the vault (${parts.join(', ')}) are made by runs, and only this role's own actions are allowed`,
    });
  }

  #adoptBucket(name: string): IBucket {
    Annotations.of(this).addInfo(
      `bucket '${name}' is taken as it is: versioning, lock, lifecycle and policy are its owner's`,
    );
    return Bucket.fromBucketName(this, 'Bucket', name);
  }

  #makeBucket({ objectLock, retentionDays }: VaultProps): Bucket {
    const bucket = new Bucket(this, 'Bucket', {
      versioned: true,
      objectLockEnabled: true,
      ...(objectLock === undefined
        ? {}
        : {
            objectLockDefaultRetention:
              objectLock.mode === 'compliance'
                ? ObjectLockRetention.compliance(Duration.days(objectLock.days))
                : ObjectLockRetention.governance(Duration.days(objectLock.days)),
          }),
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      lifecycleRules: lifecycleRules(retentionDays, this.#prefix),
      removalPolicy: RemovalPolicy.RETAIN,
    });
    for (const guard of vaultGuards(bucket, this.#prefix)) bucket.addToResourcePolicy(guard);
    acknowledge(
      bucket,
      'AwsSolutions-S1',
      'who wrote what is in the journal and in CloudTrail data events; a log bucket could not be locked, and would itself need a vault',
    );
    return bucket;
  }

  #makeKey(): Key {
    return new Key(this, 'Key', {
      description: 'Holdfast: wraps the data key of every backup. Without it no backup can be read',
      enableKeyRotation: true,
      pendingWindow: Duration.days(30),
      removalPolicy: RemovalPolicy.RETAIN,
    });
  }

  #warnOfWhatAwsCannotReach({ store, encryption }: VaultProps): void {
    const warn = (id: string, message: string): void => Validations.of(this).addWarning(id, message);
    if (store.kind === 'file')
      warn(
        'holdfast-store-is-a-directory',
        "the store is a directory: this app is for the local stack. Set store.kind to 's3' before deploying it",
      );
    else if (encryption.keys === 'key-file')
      warn(
        'holdfast-key-is-a-file',
        "the key is a file, which no task on AWS can read: set encryption.keys to 'kms' before deploying",
      );
  }
}
