import { join } from 'node:path';
import * as z from 'zod';
import type { Caller } from './identities.ts';
import { JsonLines } from './json-lines.ts';

const contextSchema = z.record(z.string(), z.union([z.string(), z.array(z.string())]));

const callSchema = z.object({
  at: z.iso.datetime(),
  caller: z.object({ kind: z.string(), name: z.string(), roleArn: z.string() }),
  /** As in policies: `states:StartExecution`. */
  action: z.string(),
  resource: z.string(),
  context: contextSchema.default({}),
});
export type Call = z.infer<typeof callSchema>;

/** The condition keys of a call that a policy may look at, with their values: `s3:prefix`, `iam:PassedToService`. */
export type CallContext = Readonly<z.infer<typeof contextSchema>>;

/** So many different calls are remembered; a backup makes a few for each of its objects. */
const rememberedCalls = 10_000;

/**
 * Every AWS call that was made, with who made it: `calls.jsonl`, from which a test tells whether the policies fit. A call that is the same
 * as an earlier one, to its context, is written once: the thousands of parts of an object are one question to IAM.
 */
export class CallLog {
  readonly #lines: JsonLines<Call>;
  readonly #known = new Set<string>();

  constructor(stateDirectory: string) {
    this.#lines = new JsonLines(join(stateDirectory, 'calls.jsonl'), callSchema);
  }

  add(caller: Caller, action: string, resource: string, context: CallContext = {}): void {
    const identity = JSON.stringify([caller.kind, caller.name, caller.roleArn, action, resource, context]);
    if (this.#known.has(identity)) return;
    if (this.#known.size >= rememberedCalls) this.#known.clear();
    this.#known.add(identity);
    this.#lines.append({ at: new Date().toISOString(), caller: { ...caller }, action, resource, context });
  }

  async read(): Promise<Call[]> {
    const calls: Call[] = [];
    for await (const call of this.#lines.read()) calls.push(call);
    return calls;
  }
}
