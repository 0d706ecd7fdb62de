import type { CliContext } from '../context.ts';
import { localCatalog, withLocalStack } from '../local.ts';

export async function run(context: CliContext): Promise<number> {
  const result = await withLocalStack(context, (stack) => localCatalog(stack).migrate());
  context.output.result(result, () => [
    ...result.applied.map((name) => `applied ${name}`),
    `the catalog is at version ${result.to}`,
  ]);
  return 0;
}
