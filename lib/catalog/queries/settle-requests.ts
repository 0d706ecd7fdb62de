import type { Client } from 'pg';
import * as z from 'zod';

/** What became of a request that was handed out. `waiting`: it is handed out again at the next asking. */
export const settlementSchema = z.discriminatedUnion('outcome', [
  z.strictObject({ requestId: z.string(), outcome: z.literal('started') }),
  z.strictObject({ requestId: z.string(), outcome: z.literal('waiting'), reason: z.string() }),
  z.strictObject({ requestId: z.string(), outcome: z.literal('ended') }),
  z.strictObject({
    requestId: z.string(),
    outcome: z.literal('failed'),
    failure: z.strictObject({ code: z.string(), message: z.string(), hint: z.string() }),
  }),
]);
export type Settlement = z.infer<typeof settlementSchema>;

/** Notes what became of requests. One that has ended stays as it is, so a late word changes nothing. */
export async function settleRequests(
  client: Client,
  settlements: readonly Settlement[],
): Promise<{ readonly settled: number }> {
  const { rowCount } = await client.query(
    `update holdfast.request as r
     set
       status = case s.outcome when 'started' then 'STARTED' when 'waiting' then 'TAKEN' when 'ended' then 'ENDED' else 'FAILED' end,
       waits_for = s.reason,
       ended_at = case when s.outcome in ('ended', 'failed') then now() end,
       error_code = s.failure ->> 'code',
       error_message = s.failure ->> 'message',
       error_hint = s.failure ->> 'hint'
     from jsonb_to_recordset($1::jsonb) as s ("requestId" text, outcome text, reason text, failure jsonb)
     where r.request_bk = s."requestId"
       and r.status in ('TAKEN', 'STARTED')`,
    [JSON.stringify(settlements)],
  );
  return { settled: rowCount ?? 0 };
}
