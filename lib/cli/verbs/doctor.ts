import { existsSync } from 'node:fs';
import { type HoldfastConfig, requireTarget, type Target } from '../../config/config.ts';
import { describeError } from '../../core/errors.ts';
import { firstFew } from '../../core/first-few.ts';
import type { SettingsReport } from '../../engines/engine.ts';
import { openEngine } from '../../engines/open-engine.ts';
import { openKeyProvider } from '../../keys/open-key-provider.ts';
import { localKeysFolder } from '../../local/endpoint/kms.ts';
import { isStoreMade } from '../../local/make-store.ts';
import { engineContext, type SourceContext } from '../../runner/context.ts';
import { checkStore } from '../../store/check-store.ts';
import { openStore } from '../../store/open-store.ts';
import type { CliContext } from '../context.ts';
import { parseTarget, withoutStore } from '../direct.ts';
import { table } from '../output.ts';
import { stateDirectoryOf } from '../state-directory.ts';
import { withVaultBucket } from '../vault-bucket.ts';
import { describeSettings } from './postgres-settings.ts';

type Finding = {
  readonly about: string;
  readonly level: 'ok' | 'warning' | 'error';
  readonly message: string;
  readonly fix: string;
};

export async function run(context: CliContext, options: { readonly target?: string }): Promise<number> {
  const config = await context.config();
  const one = options.target === undefined ? undefined : requireTarget(config, parseTarget(options.target));
  const targets = one === undefined ? config.targets : [one];
  const stateDirectory = stateDirectoryOf(context.configFile);
  const { findings, looks } = await withoutStore(context, async (source) => {
    const own = [
      ...(await checked('store', () => checkStoreOf(config, stateDirectory))),
      ...(await checked('key', () => checkKey(config, stateDirectory))),
    ];
    const looks = await Promise.all(targets.map((target) => lookAt(source, target)));
    return { findings: [...own, ...looks.flatMap((look) => look.findings)], looks };
  });
  const failed = findings.filter(({ level }) => level === 'error').length;
  const settings = one && looks[0]?.settings;
  context.output.result({ findings, ...(settings && { settings }) }, () => [
    ...table(
      ['', 'ABOUT', 'FOUND', 'WHAT TO DO'],
      findings.map(({ level, about, message, fix }) => [level, about, message, fix]),
    ),
    ...(settings === undefined ? [] : ['', ...describeSettings(settings, false)]),
  ]);
  return failed === 0 ? 0 : 10;
}

/** `settings`: undefined of a target that has none to look at, or cannot be asked: why, a finding says. */
type Look = { readonly findings: readonly Finding[]; readonly settings: SettingsReport | undefined };

async function lookAt(source: SourceContext, target: Target): Promise<Look> {
  let settings: SettingsReport | undefined;
  const findings = await checked(`target '${target.name}'`, async () => {
    const found = await probe(source, target);
    settings = await openEngine(target.engine).checkSettings?.(await engineContext(source, target), {});
    return [...found, ...differingSettings(target, settings)];
  });
  return { findings, settings };
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

async function probe(context: SourceContext, target: Target): Promise<readonly Found[]> {
  const { serverVersion, facts, findings } = await openEngine(target.engine).probe(
    await engineContext(context, target),
  );
  const tools = typeof facts.toolVersion === 'string' ? `, client tools ${facts.toolVersion}` : '';
  return [{ level: 'ok', message: `reachable, version ${serverVersion}${tools}`, fix: '' }, ...findings];
}

/** One line for all settings: which they are, and how to change each, is a verb of its own. */
function differingSettings(target: Target, report: SettingsReport | undefined): readonly Found[] {
  const differing = report?.settings.filter(({ verdict }) => verdict === 'differs') ?? [];
  if (report === undefined || differing.length === 0) return [];
  return [
    {
      level: 'warning',
      message: `${differing.length} of ${report.settings.length} settings are not as in production: ${firstFew(
        differing.map(({ name }) => name),
        3,
      )}`,
      fix: `'holdfast postgres settings ${target.name}' shows each with its reason, its risk and its fix`,
    },
  ];
}
