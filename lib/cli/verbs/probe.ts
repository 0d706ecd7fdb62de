import type { Target } from '../../config/config.ts';
import { requireTarget } from '../../config/config.ts';
import { asHoldfastError, describeError } from '../../core/errors.ts';
import type { Probe } from '../../engines/engine.ts';
import { openEngine } from '../../engines/open-engine.ts';
import { engineContext, type SourceContext } from '../../runner/context.ts';
import type { CliContext } from '../context.ts';
import { parseTarget, withoutStore } from '../direct.ts';
import { bytes, counted, printable } from '../output.ts';

type Options = { readonly target?: string };
type Answer = {
  readonly target: string;
  readonly probe?: Probe;
  readonly error?: ReturnType<typeof describeError> & { readonly exitCode: number };
};

export async function run(context: CliContext, { target }: Options): Promise<number> {
  const config = await context.config();
  const targets = target === undefined ? config.targets : [requireTarget(config, parseTarget(target))];
  const answers = await withoutStore(context, (run) => Promise.all(targets.map((one) => ask(run, one))));
  context.output.result({ targets: answers }, () => answers.flatMap(describe));
  return (
    answers.find(({ error }) => error)?.error?.exitCode ?? (answers.some(({ probe }) => isBlocked(probe)) ? 18 : 0)
  );
}

async function ask(context: SourceContext, target: Target): Promise<Answer> {
  try {
    return { target: target.name, probe: await openEngine(target.engine).probe(await engineContext(context, target)) };
  } catch (error) {
    return { target: target.name, error: { ...describeError(error), exitCode: asHoldfastError(error).exitCode } };
  }
}

const isBlocked = (probe: Probe | undefined): boolean =>
  probe?.findings.some(({ level }) => level === 'error') ?? false;

function describe({ target, probe, error }: Answer): string[] {
  if (error) return [`${target}: [${error.code}] ${error.message}`, `HINT: ${error.hint}`];
  if (probe === undefined) return [];
  const size = probe.parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return [
    `${target}: reachable, version ${probe.serverVersion}, ${countedByKind(probe.parts)}, ${bytes(size)}`,
    ...probe.parts.map(({ name, sizeBytes }) => `  ${printable(name)}  ${bytes(sizeBytes)}`),
    ...probe.findings.flatMap(({ level, message, fix }) => [`  ${level}: ${message}`, `  HINT: ${fix}`]),
    ...(probe.findings.length === 0 ? ['  a backup would succeed'] : []),
  ];
}

/** `3 databases`; nothing at all is `empty`. */
function countedByKind(parts: Probe['parts']): string {
  const kinds = Object.entries(Object.groupBy(parts, ({ kind }) => kind));
  return kinds.map(([kind, ofKind]) => counted(ofKind?.length ?? 0, kind)).join(', ') || 'empty';
}
