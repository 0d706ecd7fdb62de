import type { TargetName } from '../../core/ids.ts';
import { prefixes, walTargetPrefix } from '../../core/object-keys.ts';
import type { LogObject, StoredLog } from '../../core/retention/log-facts.ts';
import type { Store } from '../../store/store.ts';
import { parseWalName } from '../../wal/wal-names.ts';

/**
 * What the store holds of write-ahead logs, of one target or of all, by its listing. Histories of timelines and records of data keys are left
 * out: what remains may refer to them, which only reading all of it would tell, and they are small.
 */
export async function storedLogs(store: Store, target: TargetName | null): Promise<readonly StoredLog[]> {
  const logs = new Map<string, StoredLog & { readonly objects: LogObject[] }>();
  const prefix = target === null ? prefixes.wal : walTargetPrefix(target);
  for await (const { key, sizeBytes, modifiedAt } of store.list(prefix)) {
    const [, of, systemIdentifier, name] =
      /^wal\/([a-z][a-z0-9-]{0,39})\/(\d{1,20})\/[0-9A-F]{8}\/([^/]+)$/.exec(key) ?? [];
    const parsed = name === undefined ? undefined : parseWalName(name);
    if (of === undefined || systemIdentifier === undefined || name === undefined || parsed === undefined) continue;
    if (parsed.kind === 'history') continue;
    const { kind, timeline } = parsed;
    const log = logs.get(`${of}/${systemIdentifier}`) ?? { target: of as TargetName, systemIdentifier, objects: [] };
    logs.set(`${of}/${systemIdentifier}`, log);
    log.objects.push({
      name,
      timeline,
      position: name.slice(8, 24),
      kind,
      sizeBytes,
      modifiedAt: modifiedAt.getTime(),
    });
  }
  return [...logs.values()];
}
