import { everyRoute } from './chapters/api.ts';
import { byHand, failing, nightly, retriedSteps, stoppedByOperators } from './chapters/backups.ts';
import type { Chapter, Shown } from './chapters/chapter.ts';
import { cleanup, failedCleanup } from './chapters/cleanup.ts';
import { commandLine } from './chapters/command-line.ts';
import { recoveries } from './chapters/recoveries.ts';
import { failedRestoreTest, restores, restoreTests } from './chapters/restores.ts';
import { sqlRequests } from './chapters/sql-requests.ts';
import { watching } from './chapters/watching.ts';
import type { Installation } from './installation.ts';

/**
 * The life of an installation, in which every role makes every call that it ever makes: whoever adds a function, task or grant adds the
 * chapter in which it is used.
 */
const chapters: readonly Chapter[] = [
  nightly,
  byHand,
  failing,
  stoppedByOperators,
  restores,
  retriedSteps,
  restoreTests,
  sqlRequests,
  recoveries,
  cleanup,
  failedCleanup,
  watching,
  everyRoute,
  failedRestoreTest,
  commandLine,
];

/** Lives through all chapters in turn, and gives what people were shown. */
export async function liveThrough(installation: Installation): Promise<readonly Shown[]> {
  const shown: Shown[] = [];
  for (const { name, live } of chapters) {
    try {
      shown.push(...((await live(installation)) ?? []));
    } catch (cause) {
      throw new Error(`in the chapter '${name}'`, { cause });
    }
  }
  return shown;
}
