import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod';
import { AwsError } from '../aws-error.ts';
import { JsonLines } from '../json-lines.ts';
import type { LocalQueue } from '../model.ts';

const messageSchema = z.object({ id: z.string(), at: z.iso.datetime(), body: z.string() });
export type QueueMessage = z.infer<typeof messageSchema>;

/** Queues (here: of what could not be delivered): a file each, to which messages are added and from which nothing takes. */
export class Queues {
  readonly #queues: readonly (LocalQueue & { readonly lines: JsonLines<QueueMessage> })[];

  constructor(queues: readonly LocalQueue[], stateDirectory: string) {
    this.#queues = queues.map((queue) => ({
      ...queue,
      lines: new JsonLines(join(stateDirectory, 'queues', `${queue.name}.jsonl`), messageSchema),
    }));
  }

  /** Adds a message and gives its id. `queue` is a name, ARN or URL; throws `QueueDoesNotExist`. */
  send(queue: string, body: string): string {
    const id = randomUUID();
    this.#find(queue).lines.append({ id, at: new Date().toISOString(), body });
    return id;
  }

  async messages(queue: string): Promise<QueueMessage[]> {
    const messages: QueueMessage[] = [];
    for await (const message of this.#find(queue).lines.read()) messages.push(message);
    return messages;
  }

  /** How many messages lie in each queue, by name. */
  async depths(): Promise<Record<string, number>> {
    const depths = this.#queues.map(async ({ name, arn }) => [name, (await this.messages(arn)).length] as const);
    return Object.fromEntries(await Promise.all(depths));
  }

  arnOf(queue: string): string {
    return this.#find(queue).arn;
  }

  #find(queue: string) {
    const found = this.#queues.find(({ name, arn, url }) => name === queue || arn === queue || url === queue);
    if (found === undefined)
      throw new AwsError('AWS.SimpleQueueService.NonExistentQueue', `the queue '${queue}' does not exist`);
    return found;
  }
}
