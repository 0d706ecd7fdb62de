import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { EcsService } from '../config/targets/service.ts';
import type { Permission } from './allow.ts';

/** The permission to stop and start these services, and no other. */
export function switchServices(scope: Construct, services: readonly EcsService[]): Permission {
  return {
    sid: 'SwitchService',
    actions: ['ecs:DescribeServices', 'ecs:UpdateService'],
    resources: services.map(({ cluster, service }) =>
      Stack.of(scope).formatArn({ service: 'ecs', resource: 'service', resourceName: `${cluster}/${service}` }),
    ),
  };
}

/** What it takes to see that the service's tasks have stopped. */
export function watchTasksOf(scope: Construct, { cluster }: EcsService): readonly Permission[] {
  const stack = Stack.of(scope);
  const arnOf = (resource: string, resourceName: string): string =>
    stack.formatArn({ service: 'ecs', resource, resourceName });
  return [
    {
      sid: 'ListTasksOfService',
      actions: ['ecs:ListTasks'],
      resources: ['*'],
      wildcardReason: 'tasks of a service are listed by their cluster, which the condition names; IAM takes no service',
      conditions: { ArnEquals: { 'ecs:cluster': arnOf('cluster', cluster) } },
    },
    {
      sid: 'SeeTasksStop',
      actions: ['ecs:DescribeTasks'],
      resources: [arnOf('task', `${cluster}/*`)],
      wildcardReason: 'a task gets its id when it starts; nothing but its state is read',
    },
  ];
}
