import { requireTarget } from '../../config/config.ts';
import type { CleanupRequest, CleanupTotals } from '../../core/cleanup.ts';
import type { CleanupPlan, PlannedLog } from '../../core/cleanup-plan.ts';
import { newOperationId } from '../../core/ids.ts';
import { planCleanup } from '../../lifecycle/cleanup/plan-cleanup.ts';
import { readPlan } from '../../lifecycle/cleanup/plan-document.ts';
import { awsMachines } from '../aws.ts';
import type { CliContext } from '../context.ts';
import { direct, parseTarget } from '../direct.ts';
import { type Machines, runCleanupJob } from '../jobs.ts';
import { localMachines, withLocalStack } from '../local.ts';
import { bytes, counted, table } from '../output.ts';

type Options = { readonly dryRun?: boolean; readonly target?: string; readonly aws?: boolean };

export async function run(context: CliContext, { dryRun = false, target, aws = false }: Options): Promise<number> {
  const config = await context.config();
  const request: CleanupRequest = {
    ...(target === undefined ? {} : { target: requireTarget(config, parseTarget(target)).name }),
    ...(dryRun ? { dryRun } : {}),
    requestedBy: { kind: 'user' },
  };
  if (aws) return throughMachine(context, awsMachines(config), request);
  if (dryRun) return fromStoreAlone(context, request);
  return withLocalStack(context, (stack) => throughMachine(context, localMachines(context, config, stack), request));
}

async function fromStoreAlone(context: CliContext, { target }: CleanupRequest): Promise<number> {
  const plan = await direct(context, (run) =>
    planCleanup(run, { cleanupId: newOperationId(run.clock()), target: target ?? null }),
  );
  tell(context, plan, undefined);
  return 0;
}

async function throughMachine(context: CliContext, machines: Machines, request: CleanupRequest): Promise<number> {
  const { run, totals } = await runCleanupJob(context, machines, request);
  const plan = await direct(context, ({ store }) => readPlan(store, run.cleanupId));
  tell(context, plan, run.dryRun ? undefined : totals);
  return 0;
}

/** Every decision with its reason; without totals nothing was done. */
function tell({ output }: CliContext, plan: CleanupPlan, totals: CleanupTotals | undefined): void {
  const going = plan.decisions.filter(({ verdict }) => verdict === 'delete');
  const logsGoing = plan.logs.filter(({ verdict }) => verdict === 'delete');
  const bytesGoing = [...going, ...logsGoing].reduce((sum, { storedBytes }) => sum + storedBytes, 0);
  const leftovers = plan.tasks.flatMap((task) =>
    task.task === 'erase' && task.modifiedBefore === undefined ? [`left over  ${task.prefix}: ${task.reason}`] : [],
  );
  const document = {
    cleanupId: plan.cleanupId,
    isDryRun: totals === undefined,
    decisions: plan.decisions,
    logs: plan.logs,
    leftovers,
    notes: plan.notes,
  };
  output.result(totals === undefined ? { ...document, bytesToFree: bytesGoing } : { ...document, totals }, () => [
    ...(plan.decisions.length === 0
      ? ["no backups yet: 'holdfast backup <target>' takes one"]
      : table(
          ['', 'BACKUP', 'TARGET', 'TIER', 'STORED', 'WHY'],
          plan.decisions.map(({ verdict, id, target, tier, storedBytes, reason }) => [
            verdict,
            id,
            target,
            tier,
            bytes(storedBytes),
            reason,
          ]),
        )),
    ...(plan.logs.length === 0
      ? []
      : [
          '',
          ...table(
            ['', 'LOG', 'FROM', 'TO', 'OBJECTS', 'STORED', 'WHY'],
            plan.logs.map(({ verdict, target, systemIdentifier, first, last, objects, storedBytes, reason }) => [
              verdict,
              `${target}/${systemIdentifier}`,
              first,
              last,
              String(objects),
              bytes(storedBytes),
              reason,
            ]),
          ),
        ]),
    ...leftovers,
    ...plan.notes,
    totals === undefined
      ? `${counted(going.length, 'backup')}${objectsOf(logsGoing)} would be removed, which would free ${bytes(bytesGoing)}; nothing was changed`
      : summary(totals),
  ]);
}

const objectsOf = (logs: readonly PlannedLog[]): string => {
  const objects = logs.reduce((sum, { objects: some }) => sum + some, 0);
  return objects === 0 ? '' : ` and ${counted(objects, 'object')} of logs`;
};

function summary({ deleted, postponed, freedBytes, retainedObjects, retainedBytes }: CleanupTotals): string {
  const retained = `; ${counted(retainedObjects, 'object')} (${bytes(retainedBytes)}) retained by locks of the store`;
  const later = `; ${postponed} left for the next cleanup (in use, held or locked meanwhile)`;
  return `${counted(deleted, 'backup')} removed, ${bytes(freedBytes)} freed${retainedObjects > 0 ? retained : ''}${postponed > 0 ? later : ''}`;
}
