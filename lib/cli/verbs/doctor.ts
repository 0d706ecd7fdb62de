import { existsSync } from 'node:fs';
import type { HoldfastConfig } from '../../config/config.ts';
import { describeError } from '../../core/errors.ts';
import { openEngine } from '../../engines/open-engine.ts';
import { openKeyProvider } from '../../keys/open-key-provider.ts';
import { localKeysFolder } from '../../local/endpoint/kms.ts';
import { isStoreMade } from '../../local/make-store.ts';
import { engineContext, type SourceContext } from '../../runner/context.ts';
import { checkStore } from '../../store/check-store.ts';
import { openStore } from '../../store/open-store.ts';
import type { CliContext } from '../context.ts';
import { withoutStore } from '../direct.ts';
import { table } from '../output.ts';
import { stateDirectoryOf } from '../state-directory.ts';
import { withVaultBucket } from '../vault-bucket.ts';

type Finding = {
  readonly about: string;
  readonly level: 'ok' | 'warning' | 'error';
  readonly message: string;
  readonly fix: string;
};

export async function run(context: CliContext): Promise<number> {
  const config = await context.config();
  const stateDirectory = stateDirectoryOf(context.configFile);
  const findings = await withoutStore(context, async (source) => [
    ...(await checked('store', () => checkStoreOf(config, stateDirectory))),
    ...(await checked('key', () => checkKey(config, stateDirectory))),
    ...(
      await Promise.all(
        config.targets.map((target) => checked(`target '${target.name}'`, async () => probe(source, target))),
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

type Found = Omit<Finding, 'about'>;

/** A check that cannot be made is a finding of its own, and the others go on. */
async function checked(about: string, check: () => Promise<readonly Found[]>): Promise<Finding[]> {
  try {
    return (await check()).map((finding) => ({ about, ...finding }));
  } catch (error) {
    const { code, message, hint } = describeError(error);
    return [{ about, level: 'error', message: `[${code}] ${message}`, fix: hint }];
  }
}

/** A store that deploying, or the first backup, will make is not there yet, and that is no fault. */
async function checkStoreOf(config: HoldfastConfig, stateDirectory: string): Promise<readonly Found[]> {
  const found = await withVaultBucket(config).catch((error: unknown) => describeError(error));
  if ('code' in found) {
    return [
      {
        level: 'warning',
        message: `no bucket is named, and the Vault stack, which makes one, is not there yet: ${found.message}`,
        fix: found.hint,
      },
    ];
  }
  const settings = found.store;
  if (settings.kind === 'file' && !existsSync(settings.path) && !isStoreMade(stateDirectory))
    return [{ level: 'warning', message: `'${settings.path}' is not there yet`, fix: 'the first backup makes it' }];
  const store = await openStore(settings);
  try {
    return await checkStore(store);
  } finally {
    await store.close();
  }
}

async function checkKey(config: HoldfastConfig, stateDirectory: string): Promise<readonly Found[]> {
  const { keys: keeper, keyFile, kmsKey } = config.encryption;
  if (keeper === 'kms' && kmsKey === undefined) {
    const folder = localKeysFolder(stateDirectory);
    return existsSync(folder)
      ? [{ level: 'ok', message: `the local stack's KMS has its keys in '${folder}'`, fix: 'keep a copy elsewhere' }]
      : [
          {
            level: 'warning',
            message: 'no KMS key is named: the Vault stack makes one',
            fix: 'on one machine: keys: key-file',
          },
        ];
  }
  const isNewStore = config.store.kind === 'file' && !isStoreMade(stateDirectory);
  if (keeper === 'key-file' && isNewStore && !existsSync(keyFile))
    return [{ level: 'warning', message: `'${keyFile}' is not there yet`, fix: 'the first backup makes it' }];

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

async function probe(context: SourceContext, target: HoldfastConfig['targets'][number]): Promise<readonly Found[]> {
  const { serverVersion, facts, findings } = await openEngine(target.engine).probe(
    await engineContext(context, target),
  );
  const tools = typeof facts.toolVersion === 'string' ? `, client tools ${facts.toolVersion}` : '';
  return [{ level: 'ok', message: `reachable, version ${serverVersion}${tools}`, fix: '' }, ...findings];
}
