import { writeFileSync } from 'node:fs';
import { openApiDocument } from '../lib/api/open-api.ts';

/** docs/openapi.json: the description that the API serves, for those who want to read it or to generate a client. */
writeFileSync('docs/openapi.json', `${JSON.stringify(openApiDocument(), null, 2)}\n`);
