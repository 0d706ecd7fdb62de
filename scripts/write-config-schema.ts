import { writeFileSync } from 'node:fs';
import { configJsonSchema } from '../lib/config/json-schema.ts';

writeFileSync('holdfast.schema.json', configJsonSchema());
