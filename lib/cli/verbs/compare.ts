import { requireTarget } from '../../config/config.ts';
import { HoldfastError } from '../../core/errors.ts';
import { isWholeServer } from '../../core/manifest.ts';
import { openEngine } from '../../engines/open-engine.ts';
import { engineContext } from '../../runner/context.ts';
import { openBackup } from '../../runner/open-backup.ts';
import { chooseStreams } from '../../runner/restore.ts';
import type { CliContext } from '../context.ts';
import { direct, namedBackup, parseTarget } from '../direct.ts';
import { counted, oneLine, printable } from '../output.ts';

type Options = {
  readonly backup: string;
  readonly target?: string;
  readonly into?: string;
  readonly database?: string;
  readonly with?: string;
};

export async function run(context: CliContext, options: Options): Promise<number> {
  const { database, with: live = null } = options;
  const comparisons = await direct(context, async (run) => {
    const found = await namedBackup(run, options.backup, options.target);
    const { manifest } = await openBackup(run, found.target, found.id);
    if (manifest.streams.some(isWholeServer))
      throw new HoldfastError(
        'usage',
        `backup '${found.id}' is of a whole server, whose files no live server can be held against`,
        {
          hint: `'holdfast restore-test ${found.id}' recovers and examines it; so does a restore with --comparison full`,
        },
      );
    const into = requireTarget(run.config, options.into === undefined ? found.target : parseTarget(options.into));
    const engine = openEngine(manifest.engine);
    const side = await engineContext(run, into);
    const chosen = chooseStreams(manifest, { databases: database === undefined ? null : [database], as: live }).filter(
      ({ record }) => record.content,
    );
    return Promise.all(
      chosen.map(async ({ record, destination }) => ({
        kind: record.kind,
        from: record.name,
        to: destination,
        ...(await engine.compare(side, record, destination)),
      })),
    );
  });
  context.output.result({ comparisons }, () =>
    comparisons.flatMap(
      ({ kind, from, to, same, proof, words, collectionsCompared, itemsCompared, differences, remarks }) => [
        kind !== 'globals'
          ? `${said(same, proof === undefined)} '${printable(to)}' against the backup of '${printable(from)}': ${counted(collectionsCompared, words.collection)}, ${counted(itemsCompared, words.item)}`
          : `${said(same, false)} the server's ${kind} against those in the backup`,
        ...[...differences, ...remarks].map((line) => `  ${oneLine(line)}`),
      ],
    ),
  );
  return comparisons.every(({ same }) => same) ? 0 : new HoldfastError('comparison-failed', '').exitCode;
}

/** `isCounted`: its elements were counted, and nothing was read. */
const said = (same: boolean, isCounted: boolean): string =>
  !same ? 'DIFFERENT' : isCounted ? 'as many  ' : 'same     ';
