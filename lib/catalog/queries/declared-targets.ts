import type { Client } from 'pg';
import { selectNewestTargets, type TargetsDeclared } from '../sql/select-newest-targets.ts';

/** What a declaration of targets says. */
export type DeclaredTargets = Pick<
  TargetsDeclared,
  'storageType' | 'storageLocation' | 'compression' | 'machines' | 'targets'
>;

/** What was declared last; null when nothing ever was. */
export async function declaredTargets(client: Client): Promise<DeclaredTargets | null> {
  const declaration = await selectNewestTargets(client);
  if (declaration === undefined) return null;
  const { storageType, storageLocation, compression, machines, targets } = declaration;
  return { storageType, storageLocation, compression, machines, targets };
}
