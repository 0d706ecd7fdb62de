import { runSimulation } from '@cloud-copilot/iam-simulate';
import type { CallContext } from '../../lib/local/call-log.ts';
import { asJsonObject } from '../../lib/local/json.ts';
import { localAccount } from '../../lib/local/resources/resource.ts';
import type { Policies, Role, Statement } from './policies.ts';

/** A question to IAM. The principal is a role's ARN, or a service such as `events.amazonaws.com`. */
export type Request = {
  readonly principal: string;
  readonly action: string;
  readonly resource: string;
  readonly context: CallContext;
};

export type Decision = 'Allowed' | 'ImplicitlyDenied' | 'ExplicitlyDenied';

/**
 * What IAM would say, by all identity policies of the role and the policy of the resource. `statements` takes the place of the role's own
 * when one of them is to be judged by itself. Throws at a request that AWS would not understand.
 */
export async function decide(
  policies: Policies,
  request: Request,
  statements: readonly Statement[] = ownStatements(policies, request.principal),
): Promise<Decision> {
  const role = policies.roles.find(({ arn }) => arn === request.principal);
  const onResource = policies.resourcePolicies.filter(({ resource }) => isOf(request.resource, resource));
  const result = await runSimulation(
    {
      request: {
        principal: request.principal,
        action: request.action,
        resource: { resource: request.resource, accountId: localAccount },
        contextVariables: toldApart({ ...standing(request, role), ...request.context }) as Record<
          string,
          string | string[]
        >,
      },
      identityPolicies: role === undefined ? [] : [{ name: role.name, policy: documentOf(statements) }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      ...(onResource.length === 0
        ? {}
        : { resourcePolicy: documentOf(onResource.flatMap((policy) => policy.statements)) }),
    },
    {},
  );
  if (result.resultType === 'error')
    throw new Error(`${request.action} on '${request.resource}': ${JSON.stringify(result.errors)}`);
  return result.overallResult as Decision;
}

function ownStatements({ roles }: Policies, principal: string): readonly Statement[] {
  const role = roles.find(({ arn }) => arn === principal);
  return [...(role?.statements ?? []), ...(role?.managedPolicies ?? []).map(managedStatement)];
}

/** A bucket's policy speaks of its objects too. */
const isOf = (resource: string, owner: string): boolean =>
  resource === owner || (owner.startsWith('arn:aws:s3:::') && resource.startsWith(`${owner}/`));

/** What is so of every request: programs on AWS speak TLS to AWS, whose SDK they use, and roles bear their tags. */
function standing({ principal, action }: Request, role: Role | undefined): CallContext {
  return {
    'aws:SecureTransport': 'true',
    ...(action.startsWith('s3:') ? { 's3:TlsVersion': '1.3' } : {}),
    ...(role === undefined
      ? { 'aws:SourceAccount': localAccount, 'aws:PrincipalServiceName': principal }
      : Object.fromEntries(Object.entries(role.tags).map(([name, value]) => [`aws:PrincipalTag/${name}`, value]))),
  };
}

/**
 * The simulator knows a variable part of a condition's key only behind a slash: to it `kms:EncryptionContext:target` and `…:backupId` are one key, which no
 * policy names. In statements and requests alike they get names that it does tell apart.
 */
function toldApart<Value>(keys: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(keys).map(([key, value]) => [
      key.replace(/^kms:EncryptionContext:/, 'aws:RequestTag/of-kms-'),
      value,
    ]),
  );
}

const conditionsToldApart = (conditions: Statement['conditions']): object =>
  Object.fromEntries(Object.entries(conditions).map(([operator, keys]) => [operator, toldApart(asJsonObject(keys))]));

function documentOf(statements: readonly Statement[]): object {
  return {
    Version: '2012-10-17',
    Statement: statements.map(({ sid, effect, actions, resources, conditions, principal }) => ({
      ...(sid === '' ? {} : { Sid: sid }),
      Effect: effect,
      Action: actions,
      Resource: resources,
      ...(Object.keys(conditions).length === 0 ? {} : { Condition: conditionsToldApart(conditions) }),
      ...(principal === undefined ? {} : { Principal: principal }),
    })),
  };
}

/** Policies of AWS's own that constructs of the CDK attach, as AWS documents them. */
const managed: Readonly<Record<string, readonly string[]>> = {
  'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole': [
    'logs:CreateLogGroup',
    'logs:CreateLogStream',
    'logs:PutLogEvents',
  ],
};

function managedStatement(arn: string): Statement {
  const actions = managed[arn];
  if (actions === undefined) throw new Error(`the managed policy '${arn}' is not known to this test`);
  return { sid: 'Managed', effect: 'Allow', actions, resources: ['*'], conditions: {}, principal: undefined };
}
