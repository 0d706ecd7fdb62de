import type { EngineName } from '../core/vocabulary.ts';
import { applicationEngine } from './application/application-engine.ts';
import type { Engine } from './engine.ts';
import { neo4jEngine } from './neo4j/neo4j-engine.ts';
import { postgresEngine } from './postgres/postgres-engine.ts';
import { redisEngine } from './redis/redis-engine.ts';

const engines: Readonly<Record<EngineName, () => Engine>> = {
  postgres: postgresEngine,
  neo4j: neo4jEngine,
  redis: redisEngine,
  application: applicationEngine,
};

/** The engine of that name. Engines hold no state: every verb connects for itself. */
export const openEngine = (name: EngineName): Engine => engines[name]();

/** Every engine that there is. */
export const allEngines = (): readonly Engine[] => Object.values(engines).map((open) => open());
