import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { openApiDocument } from '../../lib/api/open-api.ts';
import { allRoutes } from '../../lib/api/routes/all-routes.ts';

test('docs/openapi.json is what the API serves (scripts/write-open-api.ts writes it)', () => {
  assert.deepEqual(
    JSON.parse(readFileSync('docs/openapi.json', 'utf8')),
    JSON.parse(JSON.stringify(openApiDocument())),
  );
});

test('every operation has a name of its own, and every change that is not the same when done twice asks for an Idempotency-Key', () => {
  const names = allRoutes.map(({ operationId }) => operationId);
  const document = openApiDocument() as {
    paths: Record<string, Record<string, { parameters?: { name: string; required?: boolean }[] }>>;
  };
  const asking = allRoutes.filter(({ path, method }) =>
    document.paths[path]?.[method.toLowerCase()]?.parameters?.some(
      ({ name, required }) => name === 'Idempotency-Key' && required,
    ),
  );

  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(asking.map(({ operationId }) => operationId).sort(), [
    'changeSchedule',
    'createBackup',
    'createCleanup',
    'createRecovery',
    'createRestore',
    'createRestoreTest',
    'resetSchedule',
  ]);
});
