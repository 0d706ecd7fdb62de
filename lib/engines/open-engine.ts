import { HoldfastError } from '../core/errors.ts';
import type { EngineName } from '../core/vocabulary.ts';
import type { Engine } from './engine.ts';
import { neo4jEngine } from './neo4j/neo4j-engine.ts';
import { postgresEngine } from './postgres/postgres-engine.ts';

/** The engine of that name. Engines hold no state: every verb connects for itself. */
export function openEngine(name: EngineName): Engine {
  switch (name) {
    case 'postgres':
      return postgresEngine();
    case 'neo4j':
      return neo4jEngine();
    case 'redis':
    case 'application':
      throw new HoldfastError('config-invalid', `engine '${name}' is not there yet`);
    default:
      return name satisfies never;
  }
}

/** Every engine that there is. */
export const allEngines = (): readonly Engine[] => [postgresEngine(), neo4jEngine()];
