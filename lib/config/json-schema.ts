import * as z from 'zod';
import { configSchema } from './schema.ts';

/** The JSON Schema of `holdfast.yaml`, for editors. Checked in as `holdfast.schema.json`; a test keeps it current. */
export function configJsonSchema(): string {
  return `${JSON.stringify(z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }), null, 2)}\n`;
}
