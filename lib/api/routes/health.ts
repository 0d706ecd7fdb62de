import * as z from 'zod';
import { figuresOf } from '../figures.ts';
import { healthOf, healthSchema } from '../health.ts';
import { prometheusContentType, prometheusText } from '../prometheus.ts';
import { route } from '../route.ts';

export const healthRoutes = [
  route({
    method: 'GET',
    path: '/health',
    operationId: 'getHealth',
    tag: 'system',
    summary: 'Is anything late, missed, stuck or failing? The last health check, and the problems that are open',
    answer: { status: 200, description: 'How it is; the status is 200 whatever that is', schema: healthSchema },
    errors: ['corrupt'],
    run: async (call) => ({ value: await healthOf(call) }),
  }),
  route({
    method: 'GET',
    path: '/metrics',
    operationId: 'getMetrics',
    tag: 'system',
    summary: "Facts of now as metrics, in Prometheus's text format",
    answer: { status: 200, description: 'All of them', schema: z.unknown() },
    errors: ['corrupt'],
    run: async (call) => ({ text: await prometheusText(await figuresOf(call)), contentType: prometheusContentType }),
  }),
];
