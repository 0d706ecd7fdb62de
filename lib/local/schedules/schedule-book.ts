import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { AwsError } from '../aws-error.ts';
import type { LocalSchedule } from '../model.ts';
import { parseScheduleExpression } from './schedule-expression.ts';

/** What UpdateSchedule replaces of a schedule. */
const definitionSchema = z.object({
  expression: z.string(),
  timezone: z.string(),
  isEnabled: z.boolean(),
  targetArn: z.string(),
  roleArn: z.string(),
  input: z.string(),
  retryAttempts: z.number().int(),
  maximumEventAgeSeconds: z.number().int(),
  deadLetterArn: z.string().optional(),
});
export type ScheduleDefinition = z.infer<typeof definitionSchema>;

const fileSchema = z.record(z.string(), z.object({ template: z.string(), definition: definitionSchema }));

/**
 * The schedules as they are defined now: the templates', with what UpdateSchedule made of them. An update survives restarts, until the template
 * of its schedule changes: then the template's counts, as a deployment would have it.
 *
 * Invariant: `schedules.json` is whole and written before an update has effect, so that a crash leaves the old definition or the new one.
 */
export class ScheduleBook {
  readonly #file: string;
  readonly #templates: ReadonlyMap<string, LocalSchedule>;
  readonly #updates: Map<string, { readonly template: string; readonly definition: ScheduleDefinition }>;
  readonly #onUpdate: (schedule: LocalSchedule) => void;

  constructor(options: {
    readonly schedules: readonly LocalSchedule[];
    readonly stateDirectory: string;
    readonly onUpdate: (schedule: LocalSchedule) => void;
  }) {
    this.#file = join(options.stateDirectory, 'schedules.json');
    this.#templates = new Map(options.schedules.map((schedule) => [keyOf(schedule), schedule]));
    this.#updates = new Map(
      Object.entries(readUpdates(this.#file)).filter(([key, { template }]) => {
        const found = this.#templates.get(key);
        return found !== undefined && hashOf(found) === template;
      }),
    );
    this.#onUpdate = options.onUpdate;
  }

  /** All of them, by group and name. */
  list(): readonly LocalSchedule[] {
    return [...this.#templates.keys()].sort().map((key) => this.#current(key));
  }

  /** Throws `ResourceNotFoundException`. */
  find(group: string, name: string): LocalSchedule {
    if (!this.#templates.has(keyOf({ group, name })))
      throw new AwsError('ResourceNotFoundException', `Schedule ${name} does not exist.`, 404);
    return this.#current(keyOf({ group, name }));
  }

  /** Replaces the definition whole. Throws `ValidationException` when its expression or time zone is not understood. */
  update(group: string, name: string, definition: ScheduleDefinition): void {
    const before = this.find(group, name);
    try {
      parseScheduleExpression(definition.expression, definition.timezone, new Date());
    } catch (error) {
      throw new AwsError('ValidationException', error instanceof Error ? error.message : String(error));
    }
    const key = keyOf(before);
    const template = this.#templates.get(key);
    if (template === undefined) return;
    this.#updates.set(key, { template: hashOf(template), definition });
    writeFileSync(`${this.#file}.new`, JSON.stringify(Object.fromEntries(this.#updates), null, 2), { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
    this.#onUpdate(this.#current(key));
  }

  #current(key: string): LocalSchedule {
    const template = this.#templates.get(key);
    if (template === undefined) throw new RangeError(`no schedule '${key}'`);
    const update = this.#updates.get(key)?.definition;
    return update === undefined ? template : { ...template, ...update, deadLetterArn: update.deadLetterArn };
  }
}

const keyOf = ({ group, name }: Pick<LocalSchedule, 'group' | 'name'>): string => `${group}/${name}`;

const hashOf = ({ origin: _, ...schedule }: LocalSchedule): string =>
  createHash('sha256').update(JSON.stringify(schedule)).digest('hex');

function readUpdates(file: string): z.infer<typeof fileSchema> {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return {};
  }
}
