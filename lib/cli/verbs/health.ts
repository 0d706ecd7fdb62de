import { errorTable } from '../../core/error-table.ts';
import { firstCommand, problemKinds, runbookOf } from '../../core/problem-kinds.ts';
import { keyState } from '../../keys/key-state.ts';
import { checkHealth } from '../../lifecycle/check-health.ts';
import { findRunningStack } from '../../local/running-stack.ts';
import type { CliContext } from '../context.ts';
import { direct } from '../direct.ts';
import { localCatalog } from '../local.ts';
import { counted, table } from '../output.ts';
import { stateDirectoryOf } from '../state-directory.ts';

/** Checks the health now, from the store, and from the catalog where a stack runs here. Ends with 17 when there is a problem. */
export async function run(context: CliContext): Promise<number> {
  const stack = findRunningStack(stateDirectoryOf(context.configFile));
  const report = await direct(context, ({ config, store, clock }) =>
    checkHealth({
      config,
      store,
      catalog: stack && localCatalog(stack),
      keyState: () => keyState(config.encryption),
      clock,
      log: { warn: (message) => context.output.line(`warning: ${message}`) },
    }),
  );
  const { problems, checks } = report;
  context.output.result(report, () => [
    ...table(
      ['CHECK', 'OUTCOME', ''],
      checks.map(({ check, status, message }) => [check, status, message]),
    ),
    '',
    problems.length === 0 ? 'no problem is known' : `${counted(problems.length, 'problem')}:`,
    ...problems.flatMap(({ kind, target, message }) => [
      `${problemKinds[kind].severity}: ${message}`,
      `  it means: ${problemKinds[kind].impact}`,
      `  first: ${firstCommand(kind, target ?? undefined)}   (${runbookOf(kind)})`,
    ]),
  ]);
  return problems.length === 0 ? 0 : errorTable.unhealthy.exit;
}
