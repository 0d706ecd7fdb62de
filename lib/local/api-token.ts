import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const tokenFile = (stateDirectory: string): string => join(stateDirectory, 'api-token');

/** The token that lets a caller use the API of the local stack, made at its first start; only this user can read its file. */
export function ensureApiToken(stateDirectory: string): string {
  const file = tokenFile(stateDirectory);
  if (!existsSync(file)) writeFileSync(file, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  return readFileSync(file, 'utf8').trim();
}

/** The token, or undefined where no stack has run yet. */
export function findApiToken(stateDirectory: string): string | undefined {
  const file = tokenFile(stateDirectory);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
}
