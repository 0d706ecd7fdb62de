import type { TestEvent } from 'node:test/reporters';

/** A reporter that makes the run fail when a test was skipped or is still to do, and says which. */
// biome-ignore lint/style/noDefaultExport: a reporter is the default export of its module; the runner asks for it so.
export default async function* noSkips(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const { skip, todo, name, file } = event.data;
    if (skip === undefined && todo === undefined) continue;
    process.exitCode = 1;
    yield `✖ ${skip === undefined ? 'to do' : 'skipped'}: '${name}' in ${file}; a test that does not run fails the suite\n`;
  }
}
