import * as z from 'zod';
import { numberProperty, resourceKind, unsupported } from './resource.ts';

const cluster = resourceKind({
  type: 'AWS::ECS::Cluster',
  properties: z.strictObject({ ClusterName: z.string().optional() }),
  add: ({ ClusterName }, context) => {
    const name = context.physicalName(ClusterName);
    const arn = context.arn('ecs', `cluster/${name}`);
    context.model.clusters.push({ name, arn });
    return { ref: name, attributes: { Arn: arn } };
  },
});

const containerSchema = z.strictObject({
  Name: z.string(),
  Image: z.string(),
  Command: z.array(z.string()).default([]),
  EntryPoint: z.array(z.string()).optional(),
  WorkingDirectory: z.string().optional(),
  Environment: z.array(z.strictObject({ Name: z.string(), Value: z.coerce.string() })).default([]),
  Secrets: z.array(z.strictObject({ Name: z.string(), ValueFrom: z.string() })).default([]),
  StopTimeout: numberProperty.default(30),
  Essential: z.boolean().default(true),
});

/** One container a task: with `runTask.sync`, a side container that ends badly would fail the backup that went well. */
const taskDefinition = resourceKind({
  type: 'AWS::ECS::TaskDefinition',
  properties: z.strictObject({
    Family: z.string().optional(),
    TaskRoleArn: z.string(),
    ExecutionRoleArn: z.string().optional(),
    ContainerDefinitions: z.array(containerSchema).length(1, 'the local stack runs tasks of one container'),
  }),
  add: (properties, context) => {
    const [container] = properties.ContainerDefinitions;
    const family = context.physicalName(properties.Family);
    const arn = context.arn('ecs', `task-definition/${family}:1`);
    const tag = container?.Image.split(':').at(-1) ?? '';
    const image = context.assembly.imageAssets.get(tag);
    if (container === undefined || image === undefined)
      throw unsupported(context, `the image '${container?.Image}' is not an asset of this assembly`);
    context.model.taskDefinitions.push({
      origin: context.origin,
      family,
      arn,
      roleArn: properties.TaskRoleArn,
      executionRoleArn: properties.ExecutionRoleArn,
      container: {
        name: container.Name,
        folder: image.directory,
        dockerFile: image.dockerFile,
        entryPoint: container.EntryPoint,
        command: container.Command,
        environment: Object.fromEntries(container.Environment.map(({ Name, Value }) => [Name, Value])),
        secrets: Object.fromEntries(container.Secrets.map(({ Name, ValueFrom }) => [Name, ValueFrom])),
        workingDirectory: container.WorkingDirectory,
        stopTimeoutSeconds: container.StopTimeout,
      },
    });
    return { ref: arn, attributes: { TaskDefinitionArn: arn } };
  },
});

/** Kept running by `ServiceRunner`. Here one task is as many as are wanted: machines are not added. */
const service = resourceKind({
  type: 'AWS::ECS::Service',
  properties: z.strictObject({
    ServiceName: z.string().optional(),
    TaskDefinition: z.string(),
    DesiredCount: numberProperty.default(1),
    LoadBalancers: z.array(z.unknown()).length(0, 'services of the local stack have no load balancer').optional(),
  }),
  add: ({ ServiceName, TaskDefinition, DesiredCount }, context) => {
    const name = context.physicalName(ServiceName);
    const arn = context.arn('ecs', `service/${name}`);
    context.model.services.push({
      origin: context.origin,
      name,
      arn,
      taskDefinition: TaskDefinition,
      desiredCount: DesiredCount,
    });
    return { ref: arn, attributes: { Name: name, ServiceArn: arn } };
  },
});

export const ecsResources = [cluster, taskDefinition, service];
