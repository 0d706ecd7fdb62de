import path from 'node:path';
import type { TestEvent } from 'node:test/reporters';

/** The variable that names the files of which a test has to run, one a line. Without it, none. */
export const expectedFiles = 'HOLDFAST_EXPECTED_TEST_FILES';

/** A reporter that makes the run fail when a test was skipped or is still to do, or no test of an expected file ran, and says which. */
// biome-ignore lint/style/noDefaultExport: a reporter is the default export of its module; the runner asks for it so.
export default async function* noSkips(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const missing = new Set((process.env[expectedFiles] ?? '').split('\n').filter(Boolean));
  for await (const event of events) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const { skip, todo, name, file } = event.data;
    if (file !== undefined) missing.delete(path.relative(process.cwd(), file));
    if (skip === undefined && todo === undefined) continue;
    process.exitCode = 1;
    yield `✖ ${skip === undefined ? 'to do' : 'skipped'}: '${name}' in ${file}; a test that does not run fails the suite\n`;
  }
  for (const file of missing) {
    process.exitCode = 1;
    yield `✖ no test of ${file} ran; a file without a test that it calls itself fails the suite\n`;
  }
}
