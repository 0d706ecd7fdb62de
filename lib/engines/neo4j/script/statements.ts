import { idConstraint, idProperty, labelsText, nodeLabel, quoteName } from './names.ts';

/** The fixed lines of a script; its reader takes exactly these. */

export const firstLine = '// Holdfast Cypher script, version 1';
export const databaseLine = (database: string): string => `// database ${database}`;

export const idConstraintStatement = `CREATE CONSTRAINT ${quoteName(idConstraint)} FOR (n:${quoteName(nodeLabel)}) REQUIRE n.${quoteName(idProperty)} IS UNIQUE`;
export const awaitIndexesStatement = 'CALL db.awaitIndexes(86400)';
export const removeIdsStatement = `MATCH (n:${quoteName(nodeLabel)}) CALL { WITH n REMOVE n:${quoteName(nodeLabel)}, n.${quoteName(idProperty)} } IN TRANSACTIONS OF 10000 ROWS`;
export const dropIdConstraintStatement = `DROP CONSTRAINT ${quoteName(idConstraint)}`;

/** What comes before the first node. */
export const prelude: readonly string[] = [idConstraintStatement, awaitIndexesStatement];
/** What comes after the last relationship. */
export const epilogue: readonly string[] = [removeIdsStatement, dropIdConstraintStatement];

export const rowsBegin = 'UNWIND [';

/** The end of a batch of nodes; `rows` is the list, or a parameter. A row is its id in the script and its properties. */
export const createNodes = (labels: readonly string[]): string =>
  `AS row CREATE (n:${quoteName(nodeLabel)}${labelsText(labels)} {${quoteName(idProperty)}:row[0]}) SET n += row[1]`;

/** The end of a batch of relationships. A row is the ids of both ends, and the properties. */
export const createRelationships = (type: string): string =>
  `AS row MATCH (a:${quoteName(nodeLabel)} {${quoteName(idProperty)}:row[0]}) MATCH (b:${quoteName(nodeLabel)} {${quoteName(idProperty)}:row[1]}) CREATE (a)-[r:${quoteName(type)}]->(b) SET r = row[2]`;

export type ScriptCounts = { readonly nodes: number; readonly relationships: number; readonly definitions: number };

/** Says that the script is whole. */
export const lastLine = ({ nodes, relationships, definitions }: ScriptCounts): string =>
  `// Holdfast Cypher script complete: ${nodes} nodes, ${relationships} relationships, ${definitions} definitions`;
