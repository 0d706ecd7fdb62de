import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isWildcardOnlyAction } from '@cloud-copilot/iam-simulate';
import { keeperTag } from '../../lib/constructs/vault-policy.ts';
import { prefixes } from '../../lib/core/object-keys.ts';
import type { CallContext } from '../../lib/local/call-log.ts';
import { ordinary } from '../stacks/synthesize.ts';
import { type Decision, decide } from './evaluate.ts';
import { principalsOf, type Role, type Statement } from './policies.ts';
import { policiesOf } from './synthesized-policies.ts';

const policies = policiesOf();
const { roles, model } = policies;
const bucket = model.buckets[0]?.arn ?? '';
const keys = model.keys.map(({ arn }) => arn);

const writeOnce = ['backups', 'journal', 'outcomes', 'requests'] as const;
const objectOf = (part: keyof typeof prefixes): string => `${bucket}/${prefixes[part]}orders/manifest.json`;
const isKeeper = ({ tags }: Role): boolean => tags[keeperTag.key] === keeperTag.value;
const create: CallContext = { 's3:ObjectCreationOperation': 'true', 's3:if-none-match': '*' };
const ofBackup: CallContext = {
  'kms:EncryptionContextKeys': ['target', 'backupId'],
};
const overwrite: CallContext = { 's3:ObjectCreationOperation': 'true' };

/** Whoever got hold of a role, and with it of every right over S3 and KMS that an account can give: what stands in their way is the vault. */
const everything: readonly Statement[] = [
  { sid: 'All', effect: 'Allow', actions: ['s3:*', 'kms:*'], resources: ['*'], conditions: {}, principal: undefined },
];

const ask = (role: Role, action: string, resource: string, context: CallContext = {}): Promise<Decision> =>
  decide(policies, { principal: role.arn, action, resource, context });
const may = async (role: Role, action: string, resource: string, context: CallContext = {}): Promise<boolean> =>
  (await ask(role, action, resource, context)) === 'Allowed';
const rolesThat = async (action: string, resource: string, context: CallContext = {}): Promise<Role[]> => {
  const able: Role[] = [];
  for (const role of roles) if (await may(role, action, resource, context)) able.push(role);
  return able;
};
const names = (found: readonly Role[]): string[] => found.map(({ name }) => name);

suite('what nobody may do', () => {
  const removals = ['s3:DeleteObject', 's3:DeleteObjectVersion'];
  const changes = [
    's3:PutObjectRetention',
    's3:PutObjectLegalHold',
    's3:BypassGovernanceRetention',
    's3:DeleteObjectTagging',
    's3:DeleteObjectVersionTagging',
    's3:PutObjectVersionTagging',
  ];

  test('nobody but a keeper removes anything from the vault, or changes a lock or a tag', async () => {
    for (const action of [...removals, ...changes])
      for (const part of ['backups', 'journal', 'leases'] as const)
        assert.deepEqual(
          names((await rolesThat(action, objectOf(part))).filter((role) => !isKeeper(role))),
          [],
          action,
        );
  });

  test('a keeper that removes can neither write backups nor open them', async () => {
    for (const role of roles.filter(isKeeper)) {
      assert.equal(await may(role, 's3:PutObject', objectOf('backups'), create), false, role.name);
      for (const key of keys) assert.equal(await may(role, 'kms:Decrypt', key, ofBackup), false, role.name);
    }
  });

  test('nobody shortens a lock of governance', async () => {
    assert.deepEqual(names(await rolesThat('s3:BypassGovernanceRetention', objectOf('backups'))), []);
  });

  test("nobody changes what guards the vault: the bucket's policy, versions, lock, lifecycle, encryption, access", async () => {
    for (const action of [
      's3:PutBucketPolicy',
      's3:DeleteBucketPolicy',
      's3:DeleteBucket',
      's3:PutLifecycleConfiguration',
      's3:PutBucketVersioning',
      's3:PutBucketObjectLockConfiguration',
      's3:PutEncryptionConfiguration',
      's3:PutBucketPublicAccessBlock',
      's3:PutBucketAcl',
      's3:PutBucketOwnershipControls',
      's3:PutReplicationConfiguration',
      's3:PutBucketNotification',
    ])
      assert.deepEqual(names(await rolesThat(action, bucket)), [], action);
    assert.deepEqual(names(await rolesThat('s3:PutObjectAcl', objectOf('backups'))), []);
  });

  test('nobody disables, removes or gives away the key', async () => {
    for (const key of keys)
      for (const action of [
        'kms:ScheduleKeyDeletion',
        'kms:DisableKey',
        'kms:DisableKeyRotation',
        'kms:PutKeyPolicy',
        'kms:CreateGrant',
        'kms:DeleteImportedKeyMaterial',
      ])
        assert.deepEqual(names(await rolesThat(action, key)), [], action);
  });

  test('nobody gives rights to anybody, or becomes somebody else', async () => {
    const [first, second] = roles;
    for (const role of roles) {
      const other = (role === first ? second : first)?.arn ?? '';
      for (const action of [
        'iam:PutRolePolicy',
        'iam:AttachRolePolicy',
        'iam:UpdateAssumeRolePolicy',
        'sts:AssumeRole',
      ])
        assert.equal(await may(role, action, other), false, `${role.name} ${action}`);
    }
  });
});

suite('what is written stays', () => {
  test('whoever writes to the vault creates objects, and replaces none but leases', async () => {
    for (const part of writeOnce) {
      const writers = await rolesThat('s3:PutObject', objectOf(part), create);
      assert.ok(writers.length > 0, part);
      assert.deepEqual(names(await rolesThat('s3:PutObject', objectOf(part), overwrite)), [], part);
      assert.deepEqual(
        names(await rolesThat('s3:PutObject', objectOf(part), { ...overwrite, 's3:if-match': '"an etag"' })),
        [],
        part,
      );
    }
    assert.ok(
      (await rolesThat('s3:PutObject', objectOf('leases'), { ...overwrite, 's3:if-match': '"an etag"' })).length > 0,
    );
  });

  test('an upload ends in an object only if there is none', async () => {
    const parts = { 's3:ObjectCreationOperation': 'false' };

    assert.ok((await rolesThat('s3:PutObject', objectOf('backups'), parts)).length > 0);
    assert.deepEqual(names(await rolesThat('s3:PutObject', objectOf('backups'), overwrite)), []);
  });

  test('a writer tags what it creates, and not what is there: lifecycle would take it early', async () => {
    const tagged = { 's3:ExistingObjectTag/holdfast-content': 'data' };

    assert.ok((await rolesThat('s3:PutObjectTagging', objectOf('backups'))).length > 0);
    assert.deepEqual(
      names((await rolesThat('s3:PutObjectTagging', objectOf('backups'), tagged)).filter((role) => !isKeeper(role))),
      [],
    );
  });

  test('a stolen role with all rights of the account over S3 still removes, replaces and unlocks nothing', async () => {
    const refused: [string, string, CallContext][] = [
      ...writeOnce.map((part): [string, string, CallContext] => ['s3:PutObject', objectOf(part), overwrite]),
      ['s3:DeleteObject', objectOf('backups'), {}],
      ['s3:DeleteObjectVersion', objectOf('backups'), {}],
      ['s3:PutObjectRetention', objectOf('backups'), {}],
      ['s3:PutObjectLegalHold', objectOf('backups'), {}],
      ['s3:BypassGovernanceRetention', objectOf('backups'), {}],
    ];
    for (const role of roles.filter((candidate) => !isKeeper(candidate)))
      for (const [action, resource, context] of refused)
        assert.equal(
          await decide(policies, { principal: role.arn, action, resource, context }, everything),
          'ExplicitlyDenied',
          `${role.name} ${action}`,
        );
  });
});

suite('nobody reads what it need not', () => {
  test('whoever writes backups cannot open them, and whoever opens them writes and removes none', async () => {
    for (const key of keys)
      for (const opener of await rolesThat('kms:Decrypt', key, ofBackup)) {
        assert.equal(await may(opener, 's3:PutObject', objectOf('backups'), create), false, opener.name);
        assert.equal(await may(opener, 's3:DeleteObject', objectOf('backups')), false, opener.name);
      }
  });

  test('the key wraps and unwraps the keys of backups, and nothing that is not said to be one', async () => {
    for (const key of keys)
      for (const action of ['kms:Encrypt', 'kms:Decrypt']) {
        assert.ok((await rolesThat(action, key, ofBackup)).length > 0, action);
        assert.deepEqual(names(await rolesThat(action, key)), [], action);
      }
  });

  test('data keys are wrapped by who writes backups, and by nobody else', async () => {
    for (const key of keys)
      for (const wrapper of await rolesThat('kms:Encrypt', key, ofBackup))
        assert.equal(await may(wrapper, 's3:PutObject', objectOf('backups'), create), true, wrapper.name);
  });

  test('passwords are read by tasks and by the catalog, and not by the steps, the API or the schedules', async () => {
    const readers = roles.filter(({ statements }) =>
      statements.some(({ actions }) => actions.some((action) => action.startsWith('secretsmanager:'))),
    );

    assert.ok(readers.length > 0);
    for (const { name, trusted } of readers)
      assert.ok(trusted.includes('ecs-tasks.amazonaws.com') || name.includes('Catalog'), name);
  });
});

suite('who may come in', () => {
  test('nothing is asked of the vault, the alerts or the queues in plain HTTP', async () => {
    const plain = { 'aws:SecureTransport': 'false' };
    for (const role of roles) {
      assert.equal(await may(role, 's3:GetObject', objectOf('backups'), plain), false, role.name);
      assert.equal(await may(role, 's3:PutObject', objectOf('backups'), { ...create, ...plain }), false, role.name);
      for (const { arn } of model.queues)
        assert.equal(await may(role, 'sqs:SendMessage', arn, plain), false, role.name);
    }
    const old = { 's3:TlsVersion': '1.1' };
    for (const role of roles) assert.equal(await may(role, 's3:GetObject', objectOf('backups'), old), false, role.name);
  });

  test('a role is for one service of AWS, and for no account or person', () => {
    for (const { name, trusted } of roles) {
      assert.equal(trusted.length, 1, name);
      assert.match(trusted[0] ?? '', /^[a-z-]+\.amazonaws\.com$/, name);
    }
  });

  test('the API lets nobody in without a signature that IAM accepts', () => {
    const urls = policies.resources.filter(({ type }) => type === 'AWS::Lambda::Url');
    const permissions = policies.resources.filter(({ type }) => type === 'AWS::Lambda::Permission');

    assert.ok(urls.length > 0);
    for (const { property } of urls) assert.equal(property('AuthType'), 'AWS_IAM');
    for (const { property, origin } of permissions) {
      assert.notEqual(property('Principal'), '*', origin.logicalId);
      assert.notEqual(property('FunctionUrlAuthType'), 'NONE', origin.logicalId);
    }
  });

  test('a policy of a resource lets in services of AWS and the account itself, and nobody else', () => {
    for (const { name, statements } of policies.resourcePolicies)
      for (const { effect, principal } of statements)
        if (effect === 'Allow')
          for (const who of principalsOf(principal))
            assert.match(who, /^([a-z-]+\.amazonaws\.com|arn:aws:iam::000000000000:root)$/, name);
  });

  test('rights are written out: no action by pattern, and every resource only where AWS takes none', async () => {
    for (const { name, statements } of roles)
      for (const { sid, effect, actions, resources } of statements.filter(
        (statement) => statement.effect === 'Allow',
      )) {
        assert.equal(effect, 'Allow');
        for (const action of actions) {
          assert.doesNotMatch(action, /\*/, `${name} ${sid}`);
          if (!resources.includes('*')) continue;
          const [service = '', operation = ''] = action.split(':');
          assert.ok(
            whole.has(action) || (await isWildcardOnlyAction(service, operation)),
            `${name} ${sid}: ${action} on '*'`,
          );
        }
      }
  });
});

/** Actions for which a resource could be named, were its name known when the policy is written. */
const whole: ReadonlySet<string> = new Set([
  // Lambda makes network interfaces, in subnets and security groups that it is told of, and EC2 numbers them.
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:AssignPrivateIpAddresses',
  'ec2:UnassignPrivateIpAddresses',
]);

test('who builds on backups of one target, or combines them, opens none of another', async () => {
  const chained = policiesOf(
    `${ordinary}  - name: stock
    engine: postgres
    connection: { host: db.internal, user: backup, password: { secret: prod/orders } }
    backups:
      - { tier: weekly, method: base, schedule: "0 1 * * 0" }
      - { tier: daily, method: incremental, schedule: "0 1 * * 1-6" }
`,
  );
  const readers = chained.roles.filter(({ name }) => /Tasks(Backup|Synthesis)Role/.test(name));
  assert.equal(readers.length, 2);
  for (const { arn, name } of readers)
    for (const [target, answer] of [
      ['stock', 'Allowed'],
      ['orders', 'ImplicitlyDenied'],
    ] as const)
      for (const key of chained.model.keys) {
        const context = {
          ...ofBackup,
          'kms:EncryptionContext:target': target,
          'kms:EncryptionContext:backupId': 'any',
        };
        const decision = await decide(chained, { principal: arn, action: 'kms:Decrypt', resource: key.arn, context });
        assert.equal(decision, answer, `${name} ${target}`);
      }
});
