import { HoldfastError } from '../core/errors.ts';
import { isJsonObject, type Json, type JsonObject } from './json.ts';

/** What the intrinsic functions of one stack may look at. Each look-up throws when it knows nothing of the name. */
export type Scope = {
  readonly stack: string;
  readonly mappings: JsonObject;
  readonly conditions: JsonObject;
  /** The value of `Ref`: of a resource, a parameter or a pseudo parameter; undefined for `AWS::NoValue`. */
  readonly ref: (name: string) => Json | undefined;
  readonly attribute: (logicalId: string, name: string) => Json;
  readonly importValue: (exportName: string) => Json;
};

type Resolved = Json | undefined;
type Intrinsic = (argument: Json, resolver: Resolver) => Resolved;
type Resolver = {
  readonly scope: Scope;
  readonly at: string;
  readonly resolve: (value: Json) => Resolved;
  readonly fail: (why: string) => HoldfastError;
};

/**
 * `value` with every intrinsic function replaced by what CloudFormation would put there; undefined for `AWS::NoValue`.
 * `at` (resource and property) is named when it cannot be done.
 */
export function resolveIntrinsics(value: Json, scope: Scope, at: string): Resolved {
  const fail = (why: string): HoldfastError =>
    new HoldfastError('assembly-unsupported', `stack '${scope.stack}', '${at}': ${why}`);
  const resolver: Resolver = { scope, at, fail, resolve: (inner) => resolveIntrinsics(inner, scope, at) };
  if (Array.isArray(value))
    return value.map((item: Json) => resolver.resolve(item)).filter((item): item is Json => item !== undefined);
  if (!isJsonObject(value)) return value;
  const [key, argument] = Object.entries(value)[0] ?? [];
  if (key !== undefined && argument !== undefined && Object.keys(value).length === 1 && isIntrinsic(key, argument)) {
    const intrinsic = intrinsics[key];
    if (intrinsic === undefined) throw fail(`the intrinsic function '${key}' is not known to the local stack`);
    return intrinsic(argument, resolver);
  }
  const entries = Object.entries(value).map(([name, inner]) => [
    name,
    resolveIntrinsics(inner, scope, `${at}.${name}`),
  ]);
  return Object.fromEntries(entries.filter(([, inner]) => inner !== undefined));
}

/** Whether a resource or output with this condition exists. */
export function holds(condition: string | undefined, scope: Scope, at: string): boolean {
  return condition === undefined || resolveIntrinsics({ Condition: condition }, scope, at) === true;
}

/** Every logical id (or parameter) that `value` refers to with `Ref`, `Fn::GetAtt` or `Fn::Sub`. */
export function referencesIn(value: Json): string[] {
  if (Array.isArray(value)) return value.flatMap((item: Json) => referencesIn(item));
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key === 'Ref' && typeof inner === 'string') return [inner];
    if (key === 'Fn::GetAtt') return [attributeOf(inner)?.[0] ?? ''];
    if (key === 'Fn::Sub') {
      const [text, variables] = typeof inner === 'string' ? [inner, {}] : Array.isArray(inner) ? inner : ['', {}];
      return [...String(text).matchAll(substitution)]
        .map(([, name = '']) => name.split('.')[0] ?? '')
        .concat(referencesIn(variables));
    }
    return referencesIn(inner);
  });
}

const substitution = /\$\{([^!}][^}]*)\}/g;
/** A policy statement too may have a key 'Condition'; only a condition's name makes it an intrinsic. */
const isIntrinsic = (key: string, argument: Json): boolean =>
  key === 'Ref' || key.startsWith('Fn::') || (key === 'Condition' && typeof argument === 'string');

const intrinsics: Readonly<Record<string, Intrinsic>> = {
  Ref: (name, { scope, fail }) => {
    if (typeof name !== 'string') throw fail("'Ref' needs a name");
    return scope.ref(name);
  },
  'Fn::GetAtt': (argument, { scope, fail }) => {
    const [logicalId, name] = attributeOf(argument) ?? [];
    if (logicalId === undefined || name === undefined) throw fail("'Fn::GetAtt' needs a resource and an attribute");
    return scope.attribute(logicalId, name);
  },
  'Fn::Join': (argument, resolver) => {
    const [separator, items] = list(argument, resolver);
    return strings(items, resolver).join(String(separator));
  },
  'Fn::Split': (argument, resolver) => {
    const [separator, text] = list(argument, resolver);
    return String(text).split(String(separator));
  },
  'Fn::Select': (argument, resolver) => {
    const [index, items] = list(argument, resolver);
    const chosen = Array.isArray(items) ? (items[Number(index)] as Json | undefined) : undefined;
    if (chosen === undefined) throw resolver.fail(`'Fn::Select' finds no item ${String(index)}`);
    return chosen;
  },
  'Fn::Sub': (argument, resolver) => {
    const [text, given] = typeof argument === 'string' ? [argument, {}] : Array.isArray(argument) ? argument : [];
    if (typeof text !== 'string') throw resolver.fail("'Fn::Sub' needs a text");
    const variables = resolver.resolve(given ?? {});
    return text
      .replaceAll(substitution, (_, name: string) => {
        if (isJsonObject(variables) && name in variables) return String(variables[name]);
        const [logicalId = '', ...attribute] = name.split('.');
        return String(
          attribute.length === 0 ? resolver.scope.ref(name) : resolver.scope.attribute(logicalId, attribute.join('.')),
        );
      })
      .replaceAll('${!', '${');
  },
  'Fn::ImportValue': (argument, { scope, resolve }) => scope.importValue(String(resolve(argument))),
  'Fn::Base64': (argument, { resolve }) => Buffer.from(String(resolve(argument))).toString('base64'),
  'Fn::FindInMap': (argument, resolver) => {
    const [map, top, second] = strings(list(argument, resolver), resolver);
    const level = resolver.scope.mappings[map ?? ''];
    const row = isJsonObject(level) ? level[top ?? ''] : undefined;
    const found = isJsonObject(row) ? row[second ?? ''] : undefined;
    if (found === undefined) throw resolver.fail(`'Fn::FindInMap' finds no '${map}/${top}/${second}'`);
    return found;
  },
  'Fn::If': (argument, resolver) => {
    if (!Array.isArray(argument) || argument.length !== 3) throw resolver.fail("'Fn::If' needs three arguments");
    const [condition, yes, no] = argument as Json[];
    return resolver.resolve((resolver.resolve({ Condition: condition ?? '' }) === true ? yes : no) ?? null);
  },
  'Fn::Equals': (argument, resolver) => {
    const [left, right] = list(argument, resolver);
    return JSON.stringify(left) === JSON.stringify(right);
  },
  'Fn::And': (argument, resolver) => list(argument, resolver).every((item) => item === true),
  'Fn::Or': (argument, resolver) => list(argument, resolver).some((item) => item === true),
  'Fn::Not': (argument, resolver) => list(argument, resolver)[0] !== true,
  Condition: (name, { scope, resolve, fail }) => {
    const condition = scope.conditions[String(name)];
    if (condition === undefined) throw fail(`there is no condition '${String(name)}'`);
    return resolve(condition);
  },
};

function attributeOf(argument: Json): [string, string] | undefined {
  if (Array.isArray(argument)) return [String(argument[0]), String(argument[1])];
  if (typeof argument !== 'string' || !argument.includes('.')) return undefined;
  const dot = argument.indexOf('.');
  return [argument.slice(0, dot), argument.slice(dot + 1)];
}

function list(argument: Json, { resolve, fail }: Resolver): readonly Json[] {
  const resolved = resolve(argument);
  if (!Array.isArray(resolved)) throw fail('an intrinsic function was given no list');
  return resolved as Json[];
}

function strings(value: Json | undefined | readonly Json[], { fail }: Resolver): string[] {
  if (!Array.isArray(value)) throw fail('an intrinsic function was given no list of texts');
  return value.map((item: Json) => {
    if (typeof item === 'object') throw fail('an intrinsic function was given no text');
    return String(item);
  });
}
