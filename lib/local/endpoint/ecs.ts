import { AwsError } from '../aws-error.ts';
import type { EcsServices, LocalService } from '../ecs-services.ts';
import type { Json, JsonObject } from '../json.ts';
import { localAccount } from '../resources/resource.ts';
import { type Operations, text } from './operation.ts';

/** ECS (AWS JSON 1.1), as far as services are stopped and started. */
export function ecsOperations(services: EcsServices, region: string): Operations {
  const arnOf = (resource: string): string => `arn:aws:ecs:${region}:${localAccount}:${resource}`;
  const clusterArn = (input: JsonObject): string => arnOf(`cluster/${text(input, 'cluster')}`);
  const serviceArn = (input: JsonObject, name: string): string => arnOf(`service/${text(input, 'cluster')}/${name}`);
  // A service here has one task, whose id says as much.
  const taskArn = ({ cluster, service }: Pick<LocalService, 'cluster' | 'service'>): string =>
    arnOf(`task/${cluster}/${service}`);
  const describe = (service: LocalService): JsonObject => ({
    serviceArn: arnOf(`service/${service.cluster}/${service.service}`),
    serviceName: service.service,
    status: 'ACTIVE',
    desiredCount: service.desiredCount,
    runningCount: service.taskStatus === 'RUNNING' ? 1 : 0,
    pendingCount: service.taskStatus === 'PENDING' ? 1 : 0,
  });
  const names = (input: JsonObject, name: string): readonly string[] => {
    const list = input[name];
    if (!Array.isArray(list) || !list.every((one: Json) => typeof one === 'string'))
      throw new AwsError('InvalidParameterException', `'${name}' must be a list of names`);
    return list as string[];
  };
  const oneService = (input: JsonObject): string => {
    const [name, ...others] = names(input, 'services');
    if (name === undefined || others.length > 0)
      throw new AwsError('InvalidParameterException', 'services are described one by one here');
    return name;
  };
  return {
    DescribeServices: {
      action: 'ecs:DescribeServices',
      resource: (input) => serviceArn(input, oneService(input)),
      run: (input) => {
        const found = services.find(text(input, 'cluster'), oneService(input));
        return found === undefined
          ? { services: [], failures: [{ arn: serviceArn(input, oneService(input)), reason: 'MISSING' }] }
          : { services: [describe(found)], failures: [] };
      },
    },
    UpdateService: {
      action: 'ecs:UpdateService',
      resource: (input) => serviceArn(input, text(input, 'service')),
      run: (input) => {
        const { desiredCount } = input;
        if (typeof desiredCount !== 'number')
          throw new AwsError('InvalidParameterException', 'the desired count is all that is updated here');
        return { service: describe(services.update(text(input, 'cluster'), text(input, 'service'), desiredCount)) };
      },
    },
    ListTasks: {
      action: 'ecs:ListTasks',
      resource: () => '*',
      context: (input) => ({ 'ecs:cluster': clusterArn(input) }),
      run: (input) => {
        const found = services.find(text(input, 'cluster'), text(input, 'serviceName'));
        return { taskArns: found?.taskStatus === 'RUNNING' ? [taskArn(found)] : [] };
      },
    },
    DescribeTasks: {
      action: 'ecs:DescribeTasks',
      resource: (input) => names(input, 'tasks')[0] ?? clusterArn(input),
      run: (input) => ({
        tasks: names(input, 'tasks').flatMap((arn) => {
          const found = services.find(text(input, 'cluster'), arn.split('/').at(-1) ?? '');
          return found === undefined ? [] : [{ taskArn: arn, lastStatus: found.taskStatus }];
        }),
        failures: [],
      }),
    },
  };
}
