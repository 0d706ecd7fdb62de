import { z } from 'zod';
import { holdfastVersion } from '../../version.ts';
import { route } from '../route.ts';

export const healthRoutes = [
  route({
    method: 'GET',
    path: '/health',
    operationId: 'getHealth',
    tag: 'system',
    summary: 'Is the API there, of which version, and which store does it see?',
    answer: {
      status: 200,
      description: 'It is',
      schema: z
        .strictObject({ status: z.literal('ok'), version: z.string(), store: z.string() })
        .meta({ id: 'Health' }),
    },
    errors: [],
    run: async ({ store }) => ({ value: { status: 'ok' as const, version: holdfastVersion, store: store.url } }),
  }),
];
