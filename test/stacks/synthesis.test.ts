import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ordinary, statementsOf, templatesOf } from './synthesize.ts';

const chained = ordinary.replace(
  '    backups:\n',
  '    backups:\n      - { tier: weekly, method: base, schedule: "0 1 * * 0" }\n      - { tier: daily, method: incremental, schedule: "0 1 * * 1-6" }\n',
);
const { runtime } = templatesOf(chained);

test('where no backups build on others there is no task that combines them', () => {
  assert.deepEqual(statementsOf(templatesOf().runtime, 'TasksSynthesisRole'), []);
});

test('the task that makes a backup of earlier ones has the image with servers and their disk, and the backup machine runs it', () => {
  const [admission] = Object.values(runtime.findResources('AWS::Lambda::Function')).filter(({ Properties }) =>
    JSON.stringify(Properties.Description).includes('Turns a backup request into a run'),
  );
  const tasks = JSON.parse(admission?.['Properties'].Environment.Variables.HOLDFAST_TASKS) as Record<string, string>;

  const [definition] = Object.values(
    runtime.findResources('AWS::ECS::TaskDefinition', { Properties: { Family: tasks['+synthesis'] } }),
  );

  assert.equal(definition?.Properties.EphemeralStorage.SizeInGiB, 50);
  assert.match(JSON.stringify(statementsOf(runtime, 'BackupMachineRole')), /TasksSynthesisDefinition/);
});

test('its role opens and writes backups of those targets, and knows no password', () => {
  assert.deepEqual(
    statementsOf(runtime, 'TasksSynthesisRole').map(({ Sid, Action }) => [Sid, ...Action]),
    [
      ['ListObjects', 's3:ListBucket'],
      ['ReadBackupsLeasesInUseJournal', 's3:GetObject'],
      ['UploadBackups', 's3:AbortMultipartUpload', 's3:PutObject', 's3:PutObjectTagging'],
      ['WriteLeasesInUseOutcomes', 's3:PutObject'],
      ['WrapDataKeys', 'kms:Encrypt'],
      ['UnwrapDataKeysOfTargets', 'kms:Decrypt'],
    ],
  );
});
