import { rebuildCatalog } from '../../catalog/rebuild.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { CliContext } from '../context.ts';
import { direct } from '../direct.ts';
import { localCatalog, withLocalStack } from '../local.ts';

export async function run(context: CliContext): Promise<number> {
  const rebuilt = await withLocalStack(context, (stack) => {
    const catalog = localCatalog(stack);
    return direct(context, ({ store }) => rebuildCatalog({ store, apply: (events) => catalog.apply(events) }));
  });
  context.output.result(rebuilt, () => [
    `${rebuilt.journaled} events in the journal, ${rebuilt.derived} derived from manifests; ${rebuilt.applied} were new to the catalog`,
    ...rebuilt.unreadable.map(({ key, message }) => `left out: ${key}: ${message}`),
  ]);
  return rebuilt.unreadable.length === 0 ? 0 : new HoldfastError('corrupt', '').exitCode;
}
