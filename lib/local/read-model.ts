import { HoldfastError } from '../core/errors.ts';
import type { Assembly, AssemblyStack, TemplateResource } from './assembly.ts';
import { holds, referencesIn, resolveIntrinsics, type Scope } from './intrinsics.ts';
import { asJsonObject, isJsonObject, type Json, type JsonObject } from './json.ts';
import { emptyModel, type LocalModel, type Origin } from './model.ts';
import { customResource, isCustomResource } from './resources/custom-resource.ts';
import { ecsResources } from './resources/ecs.ts';
import { lambdaResources } from './resources/lambda.ts';
import { messagingResources } from './resources/messaging.ts';
import {
  localAccount,
  type ModelSettings,
  type ResourceContext,
  type ResourceKind,
  type ResourceValues,
  unsupported,
} from './resources/resource.ts';
import { schedulerResources } from './resources/scheduler.ts';
import { stepFunctionsResources } from './resources/step-functions.ts';
import { storageResources } from './resources/storage.ts';
import { typesWithoutLocalMeaning, withMeaning } from './without-local-meaning.ts';

const kinds: ReadonlyMap<string, ResourceKind> = new Map(
  [
    ...lambdaResources,
    ...stepFunctionsResources,
    ...ecsResources,
    ...schedulerResources,
    ...messagingResources,
    ...storageResources,
  ].map((kind) => [kind.type, kind]),
);

/** A resource of a template, whatever its type, for who asks for more than the model tells. */
export type ReadResource = {
  readonly origin: Origin;
  readonly type: string;
  readonly ref: Json;
  /** A property with every reference resolved; undefined when the template does not have it. */
  readonly property: (name: string) => Json | undefined;
};

/**
 * What the templates of `assembly` describe; `visit` sees every resource, those without a local meaning too. Throws `assembly-unsupported`, naming stack, resource and property, at
 * anything that has neither a meaning here nor a reason for having none: nothing is left out silently.
 */
export function readModel(
  assembly: Assembly,
  settings: ModelSettings,
  visit: (resource: ReadResource) => void = () => undefined,
): LocalModel {
  const model = emptyModel(settings.region);
  const exports = new Map<string, Json>();
  for (const stack of assembly.stacks) readStack({ stack, assembly, model, settings, exports, visit });
  return model;
}

type StackReading = {
  readonly stack: AssemblyStack;
  readonly assembly: Assembly;
  readonly model: LocalModel;
  readonly settings: ModelSettings;
  /** Outputs that earlier stacks export, by export name; this stack's are added. */
  readonly exports: Map<string, Json>;
  readonly visit: (resource: ReadResource) => void;
};

function readStack(reading: StackReading): void {
  const { stack, exports, visit } = reading;
  const values = new Map<string, ResourceValues>();
  const scope = scopeOf(reading, values);
  for (const resource of inReferenceOrder(stack))
    if (holds(resource.condition, scope, resource.logicalId))
      values.set(resource.logicalId, readResource(resource, reading, scope));
  for (const { logicalId, type, properties } of stack.resources) {
    const ref = values.get(logicalId)?.ref;
    if (ref === undefined) continue;
    const property = (name: string): Json | undefined => {
      const value = properties[name];
      return value === undefined ? undefined : resolveIntrinsics(value, scope, `${logicalId}.${name}`);
    };
    visit({ origin: { stack: stack.name, logicalId }, type, ref, property });
  }
  for (const [name, output] of Object.entries(stack.outputs)) {
    const { Value, Export, Condition } = asJsonObject(output);
    if (Value === undefined || !isJsonObject(Export) || Export['Name'] === undefined) continue;
    if (typeof Condition === 'string' && !holds(Condition, scope, name)) continue;
    const exportName = resolveIntrinsics(Export['Name'], scope, `output ${name}`);
    exports.set(String(exportName), resolveIntrinsics(Value, scope, `output ${name}`) ?? null);
  }
}

function readResource(resource: TemplateResource, reading: StackReading, scope: Scope): ResourceValues {
  const { stack, assembly, model, settings } = reading;
  const { logicalId, type } = resource;
  const origin = { stack: stack.name, logicalId };
  const context: ResourceContext = {
    origin,
    type,
    assembly,
    model,
    settings,
    physicalName: (given) => given ?? `${stack.name}-${logicalId}`,
    arn: (service, name) => `arn:aws:${service}:${settings.region}:${localAccount}:${name}`,
  };
  if (type in typesWithoutLocalMeaning) return valuesOfOthers(context);
  const kind = kinds.get(type) ?? (isCustomResource(type) ? customResource : undefined);
  if (kind === undefined) throw unsupported(context, 'the type is not known to the local stack');
  const properties = resolveIntrinsics(withMeaning(type, resource.properties), scope, logicalId);
  return kind.add(asJsonObject(properties), context);
}

/** What a type without local meaning is known by: roles by an ARN that names their place in the templates. */
function valuesOfOthers({ type, physicalName, settings, arn }: ResourceContext): ResourceValues {
  const name = physicalName(undefined);
  if (type === 'AWS::Logs::LogGroup') return { ref: name, attributes: { Arn: arn('logs', `log-group:${name}:*`) } };
  const [, service = '', kind = ''] = type.toLowerCase().split('::');
  const region = service === 'iam' ? '' : settings.region;
  return { ref: name, attributes: { Arn: `arn:aws:${service}:${region}:${localAccount}:${kind}/${name}` } };
}

function scopeOf({ stack, settings, exports }: StackReading, values: ReadonlyMap<string, ResourceValues>): Scope {
  const pseudo: Readonly<Record<string, Json | undefined>> = {
    'AWS::AccountId': localAccount,
    'AWS::Region': settings.region,
    'AWS::Partition': 'aws',
    'AWS::URLSuffix': 'amazonaws.com',
    'AWS::StackName': stack.name,
    'AWS::StackId': `arn:aws:cloudformation:${settings.region}:${localAccount}:stack/${stack.name}/local`,
    'AWS::NotificationARNs': [],
    'AWS::NoValue': undefined,
  };
  const unknown = (what: string): HoldfastError =>
    new HoldfastError('assembly-unsupported', `stack '${stack.name}' refers to ${what}, which is not known`);
  return {
    stack: stack.name,
    mappings: stack.mappings,
    conditions: stack.conditions,
    ref: (name) => {
      if (name in pseudo) return pseudo[name];
      const value = values.get(name)?.ref ?? parameterDefault(stack.parameters[name]);
      if (value === undefined) throw unknown(`'${name}'`);
      return value;
    },
    attribute: (logicalId, name) => {
      const resource = values.get(logicalId);
      const value = resource?.attributes?.[name];
      if (value !== undefined) return value;
      const type = stack.resources.find((candidate) => candidate.logicalId === logicalId)?.type;
      if (resource === undefined || type === undefined || !(type in typesWithoutLocalMeaning))
        throw unknown(`attribute '${name}' of '${logicalId}'`);
      return `${resource.ref}/${name}`;
    },
    importValue: (name) => {
      const value = exports.get(name);
      if (value === undefined) throw unknown(`the export '${name}'`);
      return value;
    },
  };
}

function parameterDefault(parameter: Json | undefined): Json | undefined {
  return isJsonObject(parameter) ? parameter['Default'] : undefined;
}

/** Referred to before referring, so that a resource's values are there when they are asked for. */
function inReferenceOrder(stack: AssemblyStack): TemplateResource[] {
  const byId = new Map(stack.resources.map((resource) => [resource.logicalId, resource]));
  const ordered = new Set<TemplateResource>();
  const visit = (resource: TemplateResource, path: readonly string[]): void => {
    if (ordered.has(resource)) return;
    if (path.includes(resource.logicalId))
      throw new HoldfastError('assembly-unsupported', `stack '${stack.name}' has a circle: '${path.join("' → '")}'`);
    const used: JsonObject =
      resource.type in typesWithoutLocalMeaning ? {} : withMeaning(resource.type, resource.properties);
    for (const id of referencesIn(used)) {
      const referred = byId.get(id);
      if (referred !== undefined) visit(referred, [...path, resource.logicalId]);
    }
    ordered.add(resource);
  };
  for (const resource of stack.resources) visit(resource, []);
  return [...ordered];
}
