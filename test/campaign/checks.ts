import { rebuildCatalog } from '../../lib/catalog/rebuild.ts';
import { errorTable } from '../../lib/core/error-table.ts';
import { describeError } from '../../lib/core/errors.ts';
import type { Manifest } from '../../lib/core/manifest.ts';
import { manifestKey, parseManifestKey } from '../../lib/core/object-keys.ts';
import type { BackupRun } from '../../lib/core/requests.ts';
import { withRunContext } from '../../lib/runner/context.ts';
import { validateBackup } from '../../lib/runner/validate.ts';
import type { Scene } from './fault.ts';
import { type ReadBackup, readIndependently } from './independent-reader.ts';
import type { Played } from './play.ts';
import type { SourceName } from './sources.ts';
import { alteredBetween, type Contents } from './store-contents.ts';

/** What must be true after a run, whatever happened in it (docs/reliability.md). Gathers a sentence for everything that is not. */
export class Checks {
  readonly problems: string[] = [];
  readonly #scene: Scene;
  readonly #contents: Contents;
  readonly #dataKeys: Buffer[] = [];

  constructor(scene: Scene, contents: Contents) {
    this.#scene = scene;
    this.#contents = contents;
  }

  /** R3: whatever was there is there, to the byte. */
  nothingWasTaken(before: Contents): void {
    const altered = alteredBetween(before, this.#contents);
    if (altered.length > 0) this.problems.push(`R3: of what was there ${altered.join(', ')} is gone or another`);
  }

  /** R7. */
  nextRunSucceeds({ ending, failure }: Played): void {
    if (ending !== 'completed')
      this.problems.push(`R7: the next run ended as '${failure?.code ?? ending}': ${failure?.message}`);
  }

  /** R4: nobody's token is another's, and no execution has two backups. */
  oneWriterEach(): void {
    const writers = this.#manifests().map(({ writer }) => writer);
    for (const what of ['fencingToken', 'execution'] as const) {
      const values = writers.map((writer) => writer[what]);
      if (new Set(values).size < values.length)
        this.problems.push(`R4: two backups have one ${what}: ${values.join(', ')}`);
    }
  }

  /** A failure has a code that was to be expected, and says what happened and what to do. */
  endingIsTold({ ending, failure, execution }: Played, mayEnd: readonly string[], mustFail: boolean): void {
    if (mustFail && ending === 'completed') this.problems.push(`R1: '${execution}' completed, which it must not`);
    if (failure === undefined) return;
    if (!mayEnd.includes(failure.code))
      this.problems.push(
        `'${execution}' ended as '${failure.code}' (${failure.message}), which was not to be expected`,
      );
    if (failure.message === '' || failure.hint === '') this.problems.push(`'${failure.code}' says nothing of itself`);
  }

  /**
   * R1: a row that says `COMPLETED` belongs to a backup that other code than ours reads whole, with the source's own content. What is published
   * is whole even where the run failed afterwards. No run is called running for ever. What was there before, and is there to the byte, need not be
   * read again.
   */
  async completedMeansWhole({
    mayBeDamaged,
    next,
    before,
  }: {
    readonly mayBeDamaged: boolean;
    readonly next: Played;
    readonly before?: Contents;
  }): Promise<void> {
    const rows = await this.#scene.lane.catalog.list({ limit: 1000 });
    for (const { backupId, target, status, errorCode } of rows) {
      const name = target === null ? undefined : manifestKey(target as never, backupId as never);
      const isPublished = name !== undefined && this.#contents.has(name);
      if (status !== 'COMPLETED' && status !== 'FAILED')
        this.problems.push(`R7: backup '${backupId}' stays '${status}'`);
      if (status === 'FAILED' && (errorCode === null || !(errorCode in errorTable) || errorCode === 'internal'))
        this.problems.push(`backup '${backupId}' failed as '${errorCode}'`);
      if (status === 'COMPLETED' && !isPublished)
        this.problems.push(`SILENT: '${backupId}' is complete without a manifest`);
      if (!isPublished || before?.has(name)) continue;
      const why = await this.#whyNotWhole(name);
      if (why === undefined) continue;
      if (status === 'COMPLETED') this.problems.push(`SILENT: '${backupId}' is complete and cannot be read: ${why}`);
      else if (!mayBeDamaged) this.problems.push(`R1: '${backupId}' is published and cannot be read: ${why}`);
    }
    if (
      next.ending === 'completed' &&
      !rows.some((row) => row.backupId === next.run?.backupId && row.status === 'COMPLETED')
    )
      this.problems.push('R10: the catalog does not know the next run');
  }

  async #whyNotWhole(key: string): Promise<string | undefined> {
    const { shared, world } = this.#scene;
    let read: ReadBackup;
    try {
      read = await readIndependently(this.#contents, key, { keyFile: world.keyFile, binDir: shared.postgres.binDir });
    } catch (error) {
      return String(error);
    }
    this.#dataKeys.push(read.dataKey);
    const { status, streams } = read.manifest;
    for (const { kind, name } of streams.filter((stream) => stream.status === 'complete')) {
      const has = kind === 'globals' ? read.globals : read.databases[name];
      if (has !== (kind === 'globals' ? shared.globals : shared.truths[name as SourceName].sql))
        return `${kind} '${name}' has other content than the source`;
    }
    const expected = status === 'complete' ? 2 : 1;
    if (streams.filter((stream) => stream.status === 'complete').length < expected) return 'a part of it is missing';
    return undefined;
  }

  /** R8: neither rows nor keys nor passwords stand anywhere in the clear. Every backup must have been read before. */
  nothingLeaks(logs: readonly string[]): void {
    const { shared, world } = this.#scene;
    const forms = (key: Buffer) => [key, Buffer.from(key.toString('base64')), Buffer.from(key.toString('hex'))];
    const secrets = [
      ...shared.canaries.map((canary) => Buffer.from(canary)),
      Buffer.from(shared.postgres.password),
      ...[world.keyFile, ...this.#dataKeys].flatMap(forms),
    ];
    const places: readonly (readonly [string, Buffer])[] = [
      ...this.#contents,
      ...logs.map((log, index) => [`the log of execution ${index}`, Buffer.from(log)] as const),
    ];
    for (const [place, bytes] of places)
      if (secrets.some((secret) => bytes.includes(secret)))
        this.problems.push(`R8: '${place}' holds a secret in the clear`);
  }

  /** R10: a catalog that is rebuilt from the store alone is the one that there was. */
  async catalogFollowsStore(): Promise<void> {
    const { lane, world } = this.#scene;
    const had = await lane.catalogRows();
    await lane.emptyCatalog();
    const { unreadable } = await rebuildCatalog({ store: world.direct.store, apply: lane.catalog.apply });
    const has = await lane.catalogRows();
    for (const [table, rows] of Object.entries(had)) {
      const missing = rows.filter((row) => !has[table]?.includes(row));
      const more = (has[table] ?? []).filter((row) => !rows.includes(row));
      if (missing.length + more.length === 0) continue;
      this.problems.push(`R10: ${table} rebuilt lacks ${missing.join(' ')} and has ${more.join(' ')}`);
    }
    for (const { key, message } of unreadable)
      if (key.startsWith('journal/')) this.problems.push(`R10: '${key}' cannot be read: ${message}`);
  }

  #manifests(): readonly Manifest[] {
    return [...this.#contents].flatMap(([key, bytes]) => {
      if (parseManifestKey(key) === undefined) return [];
      try {
        return [JSON.parse(String(bytes)) as Manifest];
      } catch {
        return [];
      }
    });
  }

  /** The code of the first problem that a validation of the backup finds, as a person would ask for it; undefined when it finds none. */
  static async problemsOfValidation({ world }: Scene, run: BackupRun): Promise<string | undefined> {
    try {
      const { problems } = await withRunContext(
        {
          config: world.direct.config,
          environment: process.env,
          signal: new AbortController().signal,
          report: () => {},
        },
        (context) => validateBackup(context, run.target, run.backupId, 'full'),
      );
      return problems[0]?.code;
    } catch (error) {
      return describeError(error).code;
    }
  }
}
