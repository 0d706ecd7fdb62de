import { randomUUID } from 'node:crypto';
import { AwsError } from '../aws-error.ts';
import { asJsonObject, isJsonObject, type Json, type JsonObject } from '../json.ts';
import type { LocalRule, LocalRuleTarget } from '../model.ts';
import { localAccount } from '../resources/resource.ts';
import { matchesPattern } from './pattern.ts';

/** Hands an event, transformed as the rule says, to the target with this ARN. */
export type DeliverEvent = (targetArn: string, body: string, rule: LocalRule) => Promise<void>;

/** The default event bus: events go to the targets of every rule whose pattern they match. */
export class EventBus {
  readonly #rules: readonly LocalRule[];
  readonly #region: string;
  readonly #deliver: DeliverEvent;
  readonly #onFailure: (rule: LocalRule, error: unknown) => void;
  readonly #underWay = new Set<Promise<void>>();

  /** Throws `assembly-unsupported` when a rule's pattern has a matcher that is not known here. */
  constructor(options: {
    readonly rules: readonly LocalRule[];
    readonly region: string;
    readonly deliver: DeliverEvent;
    readonly onFailure: (rule: LocalRule, error: unknown) => void;
  }) {
    this.#rules = options.rules;
    this.#region = options.region;
    this.#deliver = options.deliver;
    this.#onFailure = options.onFailure;
    for (const { pattern } of options.rules) matchesPattern(pattern, {});
  }

  /** Takes one entry of `PutEvents` and gives the event's id; deliveries go on by themselves, and their failures are reported. */
  put(entry: JsonObject): string {
    const { Source, DetailType, Detail, Resources } = entry;
    if (typeof Source !== 'string' || typeof DetailType !== 'string' || typeof Detail !== 'string')
      throw new AwsError('ValidationException', "an event needs 'Source', 'DetailType' and 'Detail'");
    const event: JsonObject = {
      version: '0',
      id: randomUUID(),
      'detail-type': DetailType,
      source: Source,
      account: localAccount,
      time: new Date().toISOString(),
      region: this.#region,
      resources: Resources ?? [],
      detail: parseDetail(Detail),
    };
    for (const rule of this.#rules)
      if (rule.isEnabled && matchesPattern(rule.pattern, event))
        for (const target of rule.targets) this.#begin(rule, target, event);
    return String(event['id']);
  }

  /** Resolves when all deliveries under way have ended. */
  async settle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  #begin(rule: LocalRule, target: LocalRuleTarget, event: JsonObject): void {
    const delivery = this.#deliver(target.arn, bodyFor(target, event), rule).catch((error: unknown) =>
      this.#onFailure(rule, error),
    );
    this.#underWay.add(delivery);
    void delivery.finally(() => this.#underWay.delete(delivery));
  }
}

function parseDetail(detail: string): Json {
  try {
    return asJsonObject(JSON.parse(detail));
  } catch {
    throw new AwsError('MalformedDetail', "'Detail' is not JSON");
  }
}

function bodyFor({ input, transformer }: LocalRuleTarget, event: JsonObject): string {
  if (input !== undefined) return input;
  if (transformer === undefined) return JSON.stringify(event);
  return transformer.template.replaceAll(/<([\w-]+(?:\.[\w-]+)*)>/g, (whole, name: string, offset: number) => {
    const path = transformer.paths[name];
    const value = name === 'aws.events.event.json' ? event : path === undefined ? undefined : at(event, path);
    if (value === undefined) return whole;
    const json = JSON.stringify(value);
    // Inside a text of the template a text goes in without its own quotes.
    const isInText = transformer.template.slice(0, offset).replaceAll('\\"', '').split('"').length % 2 === 0;
    return isInText && typeof value === 'string' ? json.slice(1, -1) : json;
  });
}

/** `$.detail.backupId`: the dotted form is the only one that EventBridge allows. */
function at(event: JsonObject, path: string): Json | undefined {
  let value: Json | undefined = event;
  for (const key of path.split('.').slice(1)) value = isJsonObject(value) ? value[key] : undefined;
  return value;
}
