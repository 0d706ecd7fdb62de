import { HoldfastError } from '../core/errors.ts';
import type { EngineName } from '../core/vocabulary.ts';
import { applicationEngine } from './application/application-engine.ts';
import type { Engine } from './engine.ts';
import { postgresEngine } from './postgres/postgres-engine.ts';
import { redisEngine } from './redis/redis-engine.ts';

/** The engine of that name. Engines hold no state: every verb connects for itself. */
export function openEngine(name: EngineName): Engine {
  switch (name) {
    case 'postgres':
      return postgresEngine();
    case 'redis':
      return redisEngine();
    case 'application':
      return applicationEngine();
    case 'neo4j':
      throw new HoldfastError('config-invalid', `engine '${name}' is not there yet`);
    default:
      return name satisfies never;
  }
}

/** Every engine that there is. */
export const allEngines = (): readonly Engine[] => [postgresEngine(), redisEngine(), applicationEngine()];
