import * as z from 'zod';
import { HoldfastError } from '../../core/errors.ts';
import { prefixes, reportKey } from '../../core/object-keys.ts';
import { readText } from '../../store/text.ts';
import { cursorOf, defaultLimit, nextSchema, pageSchema, positionOf } from '../page.ts';
import { route } from '../route.ts';
import { timeSchema } from '../time.ts';

const nameSchema = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/, "is not a report's name")
  .describe('As the list has it');

/** A function's answer may have 6 MB, in which a text grows by its escapes. */
const largestBytes = 4 * 1024 * 1024;

const contentTypes: Readonly<Record<string, string>> = {
  json: 'application/json',
  html: 'text/html; charset=utf-8',
  md: 'text/markdown; charset=utf-8',
};

export const reportRoutes = [
  route({
    method: 'GET',
    path: '/reports',
    operationId: 'listReports',
    tag: 'reports',
    summary: 'The reports in the store, by name',
    query: z.strictObject(pageSchema),
    answer: {
      status: 200,
      description: 'A page of them',
      schema: z
        .strictObject({
          reports: z.array(
            z.strictObject({
              name: z.string(),
              sizeBytes: z.number().int(),
              modifiedAt: timeSchema,
            }),
          ),
          next: nextSchema,
        })
        .meta({ id: 'ReportPage' }),
    },
    errors: [],
    run: async ({ query: { limit = defaultLimit, cursor }, store }) => {
      const after = positionOf(cursor, nameSchema);
      const reports: { name: string; sizeBytes: number; modifiedAt: string }[] = [];
      const options = after === undefined ? {} : { startAfter: reportKey(after) };
      for await (const { key, sizeBytes, modifiedAt } of store.list(prefixes.reports, options)) {
        const name = key.slice(prefixes.reports.length);
        if (nameSchema.safeParse(name).success) reports.push({ name, sizeBytes, modifiedAt: modifiedAt.toISOString() });
        if (reports.length > limit) break;
      }
      const last = reports.length > limit ? reports[limit - 1] : undefined;
      return { value: { reports: reports.slice(0, limit), next: last === undefined ? null : cursorOf(last.name) } };
    },
  }),
  route({
    method: 'GET',
    path: '/reports/{report}',
    operationId: 'getReport',
    tag: 'reports',
    summary: 'A report as it was written',
    params: z.strictObject({ report: nameSchema }),
    answer: {
      status: 200,
      description: 'Its text: JSON, HTML or Markdown, by the end of its name',
      schema: z.unknown(),
    },
    errors: ['report-unknown'],
    run: async ({ params: { report }, store }) => {
      const info = await store.head(reportKey(report));
      const text =
        info === undefined || info.sizeBytes > largestBytes ? undefined : await readText(store, reportKey(report));
      if (text === undefined)
        throw new HoldfastError(
          'report-unknown',
          info === undefined
            ? `no report is called '${report}'`
            : `report '${report}' is too large for this way: ${info.sizeBytes} bytes`,
        );
      return {
        text,
        contentType: contentTypes[report.split('.').at(-1) ?? ''] ?? 'text/plain; charset=utf-8',
        // A report quotes names that others gave; a browser that shows it here runs nothing of it.
        headers: { 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox" },
      };
    },
  }),
];
