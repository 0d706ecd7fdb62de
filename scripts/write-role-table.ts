import { readFileSync, writeFileSync } from 'node:fs';
import { roleTable, withRoleTable } from '../test/privilege/role-table.ts';
import { policiesOf } from '../test/privilege/synthesized-policies.ts';

const document = 'docs/security.md';
writeFileSync(document, withRoleTable(readFileSync(document, 'utf8'), roleTable(policiesOf())));
