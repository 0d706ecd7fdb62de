import { GetObjectLegalHoldCommand, GetObjectRetentionCommand, PutObjectLegalHoldCommand } from '@aws-sdk/client-s3';
import type { S3Connection } from './s3-connection.ts';
import type { Protection } from './store.ts';

/** What servers answer where there is no lock: of the object, of its bucket, or at all. */
const unlocked = new Set([
  'NoSuchObjectLockConfiguration',
  'ObjectLockConfigurationNotFoundError',
  'InvalidRequest',
  'InvalidBucketObjectLockConfiguration',
  'MethodNotAllowed',
  'NotImplemented',
]);

/** The lock and legal hold of a version, the current one unless another is named. Asked for by their own calls, which give no right to read it. */
export async function protectionOf(connection: S3Connection, key: string, versionId?: string): Promise<Protection> {
  const place = { ...connection.place(key), ...(versionId === undefined ? {} : { VersionId: versionId }) };
  const asked = async <Answer>(question: () => Promise<Answer>): Promise<Answer | undefined> => {
    try {
      return await question();
    } catch (error) {
      if (error instanceof Error && unlocked.has(error.name)) return undefined;
      throw connection.error(error, `look at the lock of '${key}'`);
    }
  };
  const [retention, hold] = await Promise.all([
    asked(() => connection.client.send(new GetObjectRetentionCommand(place))),
    asked(() => connection.client.send(new GetObjectLegalHoldCommand(place))),
  ]);
  return { isHeld: hold?.LegalHold?.Status === 'ON', lockedUntil: retention?.Retention?.RetainUntilDate };
}

/** Sets or lifts a legal hold; false where the bucket cannot have any. */
export async function setLegalHold(connection: S3Connection, key: string, isHeld: boolean): Promise<boolean> {
  try {
    await connection.client.send(
      new PutObjectLegalHoldCommand({ ...connection.place(key), LegalHold: { Status: isHeld ? 'ON' : 'OFF' } }),
    );
    return true;
  } catch (error) {
    if (error instanceof Error && unlocked.has(error.name)) return false;
    throw connection.error(error, `${isHeld ? 'hold' : 'release'} '${key}'`);
  }
}
