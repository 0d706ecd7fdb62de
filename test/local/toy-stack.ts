import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '../../lib/config/load.ts';
import type { LocalStack, LocalStackOptions, StackEvent } from '../../lib/local/local-stack.ts';
import { openLocalStack } from '../../lib/local/stack.ts';
import { synthesizeToyApp } from './toy-app.ts';

/** A configuration that names one target and one password of the environment. */
export const toyConfig = parseConfig(
  `
store: { kind: file, path: ./vault }
encryption: { keys: none }
targets:
  - name: toys
    engine: postgres
    connection: { host: /tmp, user: toy, password: { env: TOY_PASSWORD } }
`,
  { file: 'toy.yaml', directory: '/tmp', environment: {} },
);

export type ToyFolder = Disposable & { readonly root: string; readonly assembly: string; readonly state: string };

/** A temporary folder with the toy app synthesized in it. */
export function toyFolder(options: Parameters<typeof synthesizeToyApp>[1] = {}): ToyFolder {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-toy-'));
  const assembly = join(root, 'cdk.out');
  synthesizeToyApp(assembly, { hookLog: join(root, 'hook.log'), ...options });
  return {
    root,
    assembly,
    state: join(root, 'state'),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** A stack on the folder that serves on any port, and everything that it says. */
export async function openToyStack(
  folder: ToyFolder,
  options: Partial<LocalStackOptions> = {},
): Promise<{ stack: LocalStack; events: StackEvent[] }> {
  const events: StackEvent[] = [];
  const stack = await openLocalStack({
    assemblyDir: folder.assembly,
    stateDir: folder.state,
    config: toyConfig,
    serve: true,
    port: 0,
    onEvent: (event) => events.push(event),
    ...options,
  });
  return { stack, events };
}
