import type { CatalogClient } from '../catalog/client.ts';
import { HoldfastError } from '../core/errors.ts';
import type { ApiDependencies } from './dependencies.ts';

/** The catalog. Throws `catalog-unavailable` where there is none. */
export function requireCatalog({ catalog }: ApiDependencies): CatalogClient {
  if (catalog !== undefined) return catalog;
  throw new HoldfastError('catalog-unavailable', 'this installation has no catalog');
}
