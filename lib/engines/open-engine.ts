import type { EngineName } from '../core/vocabulary.ts';
import { applicationEngine } from './application/application-engine.ts';
import type { Engine } from './engine.ts';
import { neo4jEngine } from './neo4j/neo4j-engine.ts';
import { postgresEngine } from './postgres/postgres-engine.ts';
import { redisEngine } from './redis/redis-engine.ts';

/** The engine of that name. Engines hold no state: every verb connects for itself. */
export function openEngine(name: EngineName): Engine {
  switch (name) {
    case 'postgres':
      return postgresEngine();
    case 'neo4j':
      return neo4jEngine();
    case 'redis':
      return redisEngine();
    case 'application':
      return applicationEngine();
    default:
      return name satisfies never;
  }
}

/** Every engine that there is. */
export const allEngines = (): readonly Engine[] => [
  postgresEngine(),
  neo4jEngine(),
  redisEngine(),
  applicationEngine(),
];
