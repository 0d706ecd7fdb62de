import type { Router } from '@aws-lambda-powertools/event-handler/http';
import { healthReportSchema, watchStateSchema } from '../core/health.ts';
import { healthKeys } from '../core/object-keys.ts';
import { firstCommand, problemKinds, runbookOf } from '../core/problem-kinds.ts';
import { readDocument } from '../store/document.ts';
import { holdfastVersion } from '../version.ts';
import { type FigureSources, figuresOf } from './figures.ts';
import { prometheusContentType, prometheusText } from './prometheus.ts';

/** What `/health` answers: the last health check, and the problems that are open now. */
export type HealthAnswer = {
  /** `unknown` before the first check. */
  readonly status: 'ok' | 'problem' | 'unknown';
  readonly version: string;
  readonly store: string;
  readonly checkedAt: string | null;
  readonly watchedAt: string | null;
  readonly checks: readonly { readonly check: string; readonly status: string; readonly message: string }[];
  readonly problems: readonly {
    readonly problem: string;
    readonly kind: string;
    readonly severity: string;
    readonly target: string | null;
    readonly message: string;
    readonly impact: string;
    readonly first: string;
    readonly runbook: string;
    readonly since: string;
  }[];
};

/** `/health` and `/metrics`, added to `router`. */
export function addWatchRoutes(router: Router, sources: FigureSources): void {
  router.get('/health', async () => Response.json(await healthOf(sources)));
  router.get('/metrics', async () => {
    const text = await prometheusText(await figuresOf(sources));
    return new Response(text, { headers: { 'content-type': prometheusContentType } });
  });
}

/** What the watch and the health check have left in the store: cheap enough to be asked every few seconds. */
export async function healthOf({ store }: Pick<FigureSources, 'store'>): Promise<HealthAnswer> {
  const [{ value: report }, { value: watched }] = await Promise.all([
    readDocument(store, healthKeys.report, healthReportSchema),
    readDocument(store, healthKeys.watch, watchStateSchema),
  ]);
  const open = watched?.open ?? [];
  return {
    status: open.length > 0 ? 'problem' : (report?.status ?? 'unknown'),
    version: holdfastVersion,
    store: store.url,
    checkedAt: report?.at ?? null,
    watchedAt: watched?.at ?? null,
    checks: report?.checks ?? [],
    problems: open.map(({ id, kind, target, message, since }) => ({
      problem: id,
      kind,
      severity: problemKinds[kind].severity,
      target,
      message,
      impact: problemKinds[kind].impact,
      first: firstCommand(kind, target ?? undefined),
      runbook: runbookOf(kind),
      since,
    })),
  };
}
