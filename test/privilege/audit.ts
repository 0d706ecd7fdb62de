import type { Call } from '../../lib/local/call-log.ts';
import { decide, type Request } from './evaluate.ts';
import type { Policies, Role, Statement } from './policies.ts';

/** One thing that a role may do: an action of a statement, on a resource of it. */
export type Grant = {
  readonly role: string;
  readonly statement: string;
  readonly action: string;
  readonly resource: string;
};

/** A grant that stands although no call uses it. */
export type Exception = {
  readonly role: RegExp;
  readonly action: string;
  readonly resource: RegExp;
  readonly because: string;
};

/**
 * Recorded calls as questions to IAM, each once. What an operator does is not the app's to allow, and rules of EventBridge call as the
 * service.
 */
export function requestsOf(calls: readonly Call[]): Request[] {
  const requests = calls
    .filter(({ caller }) => caller.kind !== 'operator')
    .map(
      ({ caller, action, resource, context }): Request => ({
        principal: caller.kind === 'rule' ? 'events.amazonaws.com' : caller.roleArn,
        action,
        resource,
        context: caller.kind === 'rule' ? { ...context, 'aws:SourceArn': caller.roleArn } : context,
      }),
    )
    // Who one is may be asked by everybody, and needs no permission.
    .filter(({ action }) => action !== 'sts:GetCallerIdentity');
  return [...new Map(requests.map((request) => [JSON.stringify(request), request])).values()];
}

/** A line for each request that is not allowed: who, what, on what, and how it is denied. */
export async function denials(policies: Policies, requests: readonly Request[]): Promise<string[]> {
  const lines: string[] = [];
  for (const request of requests) {
    const decision = await decide(policies, request);
    if (decision !== 'Allowed')
      lines.push(
        `${nameOf(policies, request.principal)} may not ${request.action} on '${request.resource}' (${decision}; ${JSON.stringify(request.context)})`,
      );
  }
  return lines;
}

/** Every grant that none of the requests needs. */
export async function unusedGrants(policies: Policies, requests: readonly Request[]): Promise<Grant[]> {
  const unused: Grant[] = [];
  for (const role of policies.roles) {
    for (const statement of role.statements.filter(({ effect }) => effect === 'Allow')) {
      for (const action of statement.actions) {
        for (const resource of statement.resources) {
          const only = { ...statement, actions: [action], resources: [resource] };
          if (!(await isUsed(policies, role, only, requests)))
            unused.push({ role: role.name, statement: statement.sid, action, resource });
        }
      }
    }
  }
  return unused;
}

/** Grants of resource policies to services of AWS that none of the requests needs. */
export async function unusedServiceGrants(policies: Policies, requests: readonly Request[]): Promise<Grant[]> {
  const unused: Grant[] = [];
  for (const policy of policies.resourcePolicies) {
    for (const statement of policy.statements) {
      const isToService = JSON.stringify(statement.principal ?? '').includes('amazonaws.com');
      if (statement.effect === 'Deny' || !isToService) continue;
      for (const action of statement.actions) {
        const only = {
          ...policies,
          resourcePolicies: [{ ...policy, statements: [{ ...statement, actions: [action] }] }],
        };
        const asked = requests.filter((request) => request.resource === policy.resource && request.action === action);
        const isAllowed = await anyOf(asked, async (request) => (await decide(only, request, [])) === 'Allowed');
        if (!isAllowed) unused.push({ role: policy.name, statement: statement.sid, action, resource: policy.resource });
      }
    }
  }
  return unused;
}

/** Grants without their exceptions, as lines, and the exceptions that excuse nothing. */
export function withoutExceptions(
  grants: readonly Grant[],
  exceptions: readonly Exception[],
): { readonly unused: string[]; readonly stale: string[] } {
  const covers = ({ role, action, resource }: Exception, grant: Grant): boolean =>
    role.test(grant.role) && action === grant.action && resource.test(grant.resource);
  return {
    unused: grants
      .filter((grant) => !exceptions.some((exception) => covers(exception, grant)))
      .map(
        ({ role, statement, action, resource }) => `${role} (${statement}): ${action} on '${resource}' is never used`,
      ),
    stale: exceptions
      .filter((exception) => !grants.some((grant) => covers(exception, grant)))
      .map(({ because }) => because),
  };
}

async function isUsed(
  policies: Policies,
  role: Role,
  statement: Statement,
  requests: readonly Request[],
): Promise<boolean> {
  const [action = ''] = statement.actions;
  const asked = requests.filter((request) => request.principal === role.arn && covers(action, request.action));
  return anyOf(asked, async (request) => (await decide(policies, request, [statement])) === 'Allowed');
}

const covers = (pattern: string, action: string): boolean =>
  pattern.endsWith('*')
    ? action.toLowerCase().startsWith(pattern.slice(0, -1).toLowerCase())
    : pattern.toLowerCase() === action.toLowerCase();

async function anyOf<Item>(items: readonly Item[], test: (item: Item) => Promise<boolean>): Promise<boolean> {
  for (const item of items) if (await test(item)) return true;
  return false;
}

function nameOf({ roles }: Policies, principal: string): string {
  return roles.find(({ arn }) => arn === principal)?.name ?? principal;
}
