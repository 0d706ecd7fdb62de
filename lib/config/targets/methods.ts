import type { EngineName, Format, Method } from '../../core/vocabulary.ts';
import { applicationMethods, applicationParents } from './application.ts';
import { neo4jMethods } from './neo4j.ts';
import { postgresMethods, postgresParents } from './postgres.ts';
import { redisMethods } from './redis.ts';
import type { MethodTable, ParentTable } from './target-schema.ts';

/** How each engine's targets can be backed up, usual things first. */
const methodTables: Readonly<Record<EngineName, MethodTable>> = {
  postgres: postgresMethods,
  neo4j: neo4jMethods,
  redis: redisMethods,
  application: applicationMethods,
};

/** The formats in which a method of that engine writes; empty when the engine has no such method. */
export const formatsOf = (engine: EngineName, method: Method): readonly Format[] => methodTables[engine][method] ?? [];

/** The methods of that engine. */
export const methodsOf = (engine: EngineName): readonly Method[] => Object.keys(methodTables[engine]) as Method[];

const parentTables: Readonly<Partial<Record<EngineName, ParentTable>>> = {
  postgres: postgresParents,
  application: applicationParents,
};

/** The methods of that engine whose backups build on earlier ones, and on which. */
export const parentMethodsOf = (engine: EngineName): ParentTable => parentTables[engine] ?? {};

const synthesized: Readonly<Partial<Record<EngineName, readonly Method[]>>> = { postgres: ['base'] };

/** The methods whose backups can be made of earlier ones, in the store, without the source. */
export const synthesizedMethods = (engine: EngineName): readonly Method[] => synthesized[engine] ?? [];

/**
 * Do backups of such a target build on one another, so that whoever takes one reads those before it? Where every chain begins with a backup of
 * another method, only if that one, or one that builds on it, is among `configured`.
 */
export function buildsOnEarlier(engine: EngineName, configured: readonly Method[]): boolean {
  const parents = parentMethodsOf(engine);
  const chained = Object.keys(parents) as Method[];
  const beginnings = Object.values(parents)
    .flat()
    .filter((method) => !chained.includes(method));
  if (beginnings.length === 0) return chained.length > 0;
  return configured.some((method) => beginnings.includes(method) || chained.includes(method));
}
