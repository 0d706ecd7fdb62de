import { join } from 'node:path';
import { z } from 'zod';
import type { Caller } from './identities.ts';
import { JsonLines } from './json-lines.ts';

const callSchema = z.object({
  at: z.iso.datetime(),
  caller: z.object({ kind: z.string(), name: z.string(), roleArn: z.string() }),
  /** As in policies: `states:StartExecution`. */
  action: z.string(),
  resource: z.string(),
});
export type Call = z.infer<typeof callSchema>;

/** Every AWS call that was made, with who made it: `calls.jsonl`, from which a test tells whether the policies fit. */
export class CallLog {
  readonly #lines: JsonLines<Call>;

  constructor(stateDirectory: string) {
    this.#lines = new JsonLines(join(stateDirectory, 'calls.jsonl'), callSchema);
  }

  add(caller: Caller, action: string, resource: string): void {
    this.#lines.append({ at: new Date().toISOString(), caller: { ...caller }, action, resource });
  }

  async read(): Promise<Call[]> {
    const calls: Call[] = [];
    for await (const call of this.#lines.read()) calls.push(call);
    return calls;
  }
}
