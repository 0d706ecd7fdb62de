import type { EngineName, Method, Tier } from '../core/vocabulary.ts';

type DefaultBackup = { readonly tier: Tier; readonly method: Method; readonly schedule: string };

/** The backups of a target whose configuration names none. Retention is the tier's own. */
export const defaultBackups: Readonly<Record<EngineName, readonly DefaultBackup[]>> = {
  postgres: [
    { tier: 'daily', method: 'logical', schedule: '0 2 * * *' },
    { tier: 'weekly', method: 'logical', schedule: '0 1 * * 0' },
    { tier: 'monthly', method: 'logical', schedule: '0 0 1 * *' },
  ],
  neo4j: [
    { tier: 'daily', method: 'logical', schedule: '0 3 * * *' },
    { tier: 'weekly', method: 'logical', schedule: '0 2 * * 0' },
  ],
  redis: [
    { tier: 'daily', method: 'snapshot', schedule: '0 4 * * *' },
    { tier: 'weekly', method: 'snapshot', schedule: '0 3 * * 0' },
  ],
  application: [
    { tier: 'daily', method: 'files', schedule: '0 5 * * *' },
    { tier: 'weekly', method: 'files', schedule: '0 4 * * 0' },
  ],
};
