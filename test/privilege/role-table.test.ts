import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { roleTable, withRoleTable } from './role-table.ts';
import { policiesOf } from './synthesized-policies.ts';

test("the roles in docs/security.md are the app's; scripts/write-role-table.ts writes them anew", () => {
  const document = readFileSync('docs/security.md', 'utf8');
  const table = roleTable(policiesOf());

  assert.match(document, /<!-- roles -->\n[\s\S]*<!-- \/roles -->/);
  assert.match(table, /TasksBackup.*writes backups/);
  assert.equal(withRoleTable(document, table), document);
});
