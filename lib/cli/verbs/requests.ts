import type { QueuedRequest } from '../../catalog/queries/list-requests.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { CliContext } from '../context.ts';
import { localCatalog, withLocalStack } from '../local.ts';
import { duration, oneLine, table } from '../output.ts';

type Options = { readonly limit?: string };

export async function run(context: CliContext, { limit = '20' }: Options): Promise<number> {
  const shown = Number(limit);
  if (!Number.isInteger(shown) || shown < 1 || shown > 1000)
    throw new HoldfastError('usage', `--limit: '${limit}' is not a number of requests from 1 to 1000`);
  const requests = await withLocalStack(context, (stack) => localCatalog(stack).requests(shown));
  context.output.result({ requests }, () =>
    requests.length === 0
      ? ["nothing was asked for by SQL: 'backup_mgmt.create_full_backup()' asks for backups"]
      : table(
          ['REQUEST', 'KIND', 'TARGET', 'STATUS', 'ASKED BY', 'WHAT ABOUT IT'],
          requests.map(({ requestId, kind, target, status, requestedBy, ...request }) => [
            requestId,
            kind,
            target ?? 'all',
            status,
            requestedBy,
            remarkOn(request),
          ]),
        ),
  );
  return 0;
}

type Told =
  | 'waitsFor'
  | 'untakenSeconds'
  | 'approvalAwaitedSince'
  | 'approvalAwaitedUntil'
  | 'errorCode'
  | 'errorMessage';

function remarkOn(request: Pick<QueuedRequest, Told>): string {
  if (request.errorCode !== null) return `[${request.errorCode}] ${oneLine(request.errorMessage ?? '')}`;
  if (request.approvalAwaitedSince !== null)
    return `asks for approval since ${request.approvalAwaitedSince}, and is given up at ${request.approvalAwaitedUntil}`;
  if (request.waitsFor !== null) return `behind ${oneLine(request.waitsFor)}`;
  if (request.untakenSeconds !== null && request.untakenSeconds > 90)
    return `due for ${duration(request.untakenSeconds)}, and nobody takes it: does take-requests run?`;
  return '';
}
