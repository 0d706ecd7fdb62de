import type { EngineName } from '../core/vocabulary.ts';
import type { BackupEntryInput } from './schema.ts';

/** The backups of a target whose configuration names none. Retention is the tier's own. */
export const defaultBackups: Readonly<Partial<Record<EngineName, readonly BackupEntryInput[]>>> = {
  postgres: [
    { tier: 'daily', method: 'logical', format: 'custom', schedule: '0 2 * * *', timezone: 'UTC', enabled: true },
    { tier: 'weekly', method: 'logical', format: 'custom', schedule: '0 1 * * 0', timezone: 'UTC', enabled: true },
    { tier: 'monthly', method: 'logical', format: 'custom', schedule: '0 0 1 * *', timezone: 'UTC', enabled: true },
  ],
};
