import type { HealthAnswer } from '../../api/health.ts';
import { getFromFunction, type UrlFunction } from './function-url.ts';

/** What the API says of the installation's health; null when there is no API, or it gives no answer. */
export type InstallationHealth = HealthAnswer | null;

/** Asks the API, which reads what the watch and the health check left in the store. */
export async function installationHealth(
  api: Pick<UrlFunction, 'functionName' | 'invoke'> | undefined,
): Promise<InstallationHealth> {
  if (api === undefined) return null;
  try {
    return JSON.parse(await getFromFunction(api, '/health')) as HealthAnswer;
  } catch {
    return null;
  }
}
