import { describeError } from '../../core/errors.ts';
import { openEngine } from '../../engines/open-engine.ts';
import { openKeyProvider } from '../../keys/open-key-provider.ts';
import { engineContext, type RunContext } from '../../runner/context.ts';
import { checkStore } from '../../store/check-store.ts';
import type { CliContext } from '../context.ts';
import { direct } from '../direct.ts';
import { table } from '../output.ts';

type Finding = {
  readonly about: string;
  readonly level: 'ok' | 'warning' | 'error';
  readonly message: string;
  readonly fix: string;
};

export async function run(context: CliContext): Promise<number> {
  const findings = await direct(context, async (run) => [
    ...(await checked('store', () => checkStore(run.store))),
    ...(await checked('key', () => checkKey(run))),
    ...(
      await Promise.all(
        run.config.targets.map((target) => checked(`target '${target.name}'`, async () => probe(run, target))),
      )
    ).flat(),
  ]);
  const failed = findings.filter(({ level }) => level === 'error').length;
  context.output.result({ findings }, () => [
    ...table(
      ['', 'ABOUT', 'FOUND', 'WHAT TO DO'],
      findings.map(({ level, about, message, fix }) => [level, about, message, fix]),
    ),
  ]);
  return failed === 0 ? 0 : 10;
}

/** A check that cannot be made is a finding of its own, and the others go on. */
async function checked(about: string, check: () => Promise<readonly Omit<Finding, 'about'>[]>): Promise<Finding[]> {
  try {
    return (await check()).map((finding) => ({ about, ...finding }));
  } catch (error) {
    const { code, message, hint } = describeError(error);
    return [{ about, level: 'error', message: `[${code}] ${message}`, fix: hint }];
  }
}

async function checkKey({ config }: RunContext): Promise<readonly Omit<Finding, 'about'>[]> {
  const keys = await openKeyProvider(config.encryption);
  if (keys === null) {
    return [
      {
        level: 'warning',
        message: 'backups are not encrypted (encryption.keys: none)',
        fix: 'set encryption.keys to kms or key-file',
      },
    ];
  }
  const context = { target: 'doctor', backupId: 'doctor' };
  const secret = Buffer.alloc(32, 7);
  const wrapped = await keys.wrap(secret, context);
  const unwrapped = await keys.unwrap(wrapped, context);
  if (!unwrapped.equals(secret))
    return [{ level: 'error', message: 'the key does not open what it closed', fix: 'do not back up with it' }];
  const where = wrapped.provider === 'key-file' ? `'${config.encryption.keyFile}'` : wrapped.keyId;
  return [
    {
      level: 'ok',
      message: `${where} wraps and unwraps (key ${wrapped.keyId})`,
      fix: wrapped.provider === 'key-file' ? 'keep a copy elsewhere' : '',
    },
  ];
}

async function probe(
  context: RunContext,
  target: RunContext['config']['targets'][number],
): Promise<readonly Omit<Finding, 'about'>[]> {
  const { serverVersion, findings } = await openEngine(target.engine).probe(await engineContext(context, target));
  return [{ level: 'ok', message: `reachable, version ${serverVersion}`, fix: '' }, ...findings];
}
