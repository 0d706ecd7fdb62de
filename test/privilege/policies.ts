import type { Assembly } from '../../lib/local/assembly.ts';
import { asJsonObject, type Json, type JsonObject } from '../../lib/local/json.ts';
import type { LocalModel } from '../../lib/local/model.ts';
import { type ReadResource, readModel } from '../../lib/local/read-model.ts';
import type { ModelSettings } from '../../lib/local/resources/resource.ts';

/** A statement of a policy with its lists made lists. */
export type Statement = {
  readonly sid: string;
  readonly effect: 'Allow' | 'Deny';
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly conditions: JsonObject;
  /** Of resource policies only. */
  readonly principal: Json | undefined;
};

export type Role = {
  readonly arn: string;
  /** `<stack>/<logical id>`, as messages name it. */
  readonly name: string;
  readonly description: string;
  /** The service that it is for, by its principal. */
  readonly trusted: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
  readonly statements: readonly Statement[];
  readonly managedPolicies: readonly string[];
};

export type ResourcePolicy = {
  readonly resource: string;
  readonly name: string;
  readonly statements: readonly Statement[];
};

/** Everything in an assembly that decides who may do what, and the resources that bear on it, every reference resolved. */
export type Policies = {
  readonly model: LocalModel;
  readonly roles: readonly Role[];
  readonly resourcePolicies: readonly ResourcePolicy[];
  readonly resources: readonly ReadResource[];
};

const settings: Omit<ModelSettings, 'region'> = {
  socketRoot: '/tmp/sockets',
  functionUrlBase: 'http://127.0.0.1:8084/functions',
  queueUrlBase: 'http://127.0.0.1:8085',
};

/** Reads the policies of an assembly as the local stack reads the rest of it, so that both know everything by the same ARNs. */
export function readPolicies(assembly: Assembly, region: string): Policies {
  const resources: ReadResource[] = [];
  const model = readModel(assembly, { ...settings, region }, (resource) => resources.push(resource));
  const ofType = (type: string) => resources.filter((resource) => resource.type === type);
  const inline = ofType('AWS::IAM::Policy');
  const roles = ofType('AWS::IAM::Role').map((role): Role => {
    const mine = inline.filter(
      ({ origin, property }) =>
        origin.stack === role.origin.stack && texts(property('Roles')).includes(String(role.ref)),
    );
    const own = list(role.property('Policies')).map((policy) => asJsonObject(policy)['PolicyDocument']);
    return {
      arn: `arn:aws:iam::000000000000:role/${role.ref}`,
      name: `${role.origin.stack}/${role.origin.logicalId}`,
      description: String(role.property('Description') ?? ''),
      trusted: statementsOf(role.property('AssumeRolePolicyDocument')).flatMap(({ principal }) =>
        principalsOf(principal),
      ),
      tags: tagsOf(role.property('Tags')),
      statements: [...own, ...mine.map(({ property }) => property('PolicyDocument'))].flatMap(statementsOf),
      managedPolicies: texts(role.property('ManagedPolicyArns')),
    };
  });
  return { model, roles, resourcePolicies: resourcePolicies(resources, model), resources };
}

function resourcePolicies(resources: readonly ReadResource[], model: LocalModel): ResourcePolicy[] {
  return resources.flatMap(({ type, origin, ref, property }): ResourcePolicy[] => {
    const name = `${origin.stack}/${origin.logicalId}`;
    const of = (targets: readonly string[], document = 'PolicyDocument'): ResourcePolicy[] =>
      targets.map((resource) => ({ resource, name, statements: statementsOf(property(document)) }));
    switch (type) {
      case 'AWS::S3::BucketPolicy':
        return of([`arn:aws:s3:::${property('Bucket')}`]);
      case 'AWS::SNS::TopicPolicy':
        return of(texts(property('Topics')));
      case 'AWS::SQS::QueuePolicy':
        return of(texts(property('Queues')).map((url) => model.queues.find((queue) => queue.url === url)?.arn ?? url));
      case 'AWS::KMS::Key':
        return of(
          model.keys.filter(({ id }) => id === ref).map(({ arn }) => arn),
          'KeyPolicy',
        );
      case 'AWS::Lambda::Permission':
        return [
          {
            resource: functionArn(property, model),
            name,
            statements: [permission(property, functionArn(property, model))],
          },
        ];
      default:
        return [];
    }
  });
}

function functionArn(property: ReadResource['property'], model: LocalModel): string {
  const named = String(property('FunctionName'));
  return model.functions.find(({ name, arn }) => named === name || named === arn)?.arn ?? named;
}

/** A permission of Lambda as the statement that Lambda makes of it. */
function permission(property: ReadResource['property'], functionName: string): Statement {
  const principal = String(property('Principal'));
  const equal = Object.entries({
    'aws:SourceAccount': property('SourceAccount'),
    'lambda:FunctionUrlAuthType': property('FunctionUrlAuthType'),
  }).filter(([, value]) => value !== undefined) as [string, Json][];
  const source = property('SourceArn');
  return {
    sid: '',
    effect: 'Allow',
    actions: texts(property('Action')),
    resources: [functionName],
    principal: principal === '*' ? '*' : { [principal.endsWith('.amazonaws.com') ? 'Service' : 'AWS']: principal },
    conditions: {
      ...(equal.length === 0 ? {} : { StringEquals: Object.fromEntries(equal) }),
      ...(source === undefined ? {} : { ArnLike: { 'aws:SourceArn': source } }),
    },
  };
}

function statementsOf(document: Json | undefined): Statement[] {
  return list(asJsonObject(document)['Statement']).map((value) => {
    const statement = asJsonObject(value);
    return {
      sid: String(statement['Sid'] ?? ''),
      effect: statement['Effect'] === 'Deny' ? 'Deny' : 'Allow',
      actions: texts(statement['Action']),
      resources: texts(statement['Resource']),
      conditions: asJsonObject(statement['Condition']),
      principal: statement['Principal'],
    };
  });
}

/** The principals of a statement: services by their name, accounts and roles by their ARN, everybody as `*`. */
export function principalsOf(principal: Json | undefined): string[] {
  if (typeof principal === 'string') return [principal];
  return Object.values(asJsonObject(principal)).flatMap(texts);
}

function tagsOf(tags: Json | undefined): Record<string, string> {
  return Object.fromEntries(
    list(tags).map((tag) => [String(asJsonObject(tag)['Key']), String(asJsonObject(tag)['Value'])]),
  );
}

function list(value: Json | undefined): Json[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as Json[]) : [value];
}

function texts(value: Json | undefined): string[] {
  return list(value).map(String);
}
