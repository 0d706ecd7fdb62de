import * as z from 'zod';
import { jsonTextProperty, resourceKind } from './resource.ts';

const stateMachine = resourceKind({
  type: 'AWS::StepFunctions::StateMachine',
  properties: z.strictObject({
    StateMachineName: z.string().optional(),
    StateMachineType: z.literal('STANDARD').default('STANDARD'),
    DefinitionString: jsonTextProperty.optional(),
    Definition: jsonTextProperty.optional(),
    RoleArn: z.string(),
  }),
  add: (properties, context) => {
    const name = context.physicalName(properties.StateMachineName);
    const arn = context.arn('states', `stateMachine:${name}`);
    context.model.machines.push({
      origin: context.origin,
      name,
      arn,
      roleArn: properties.RoleArn,
      definition: properties.DefinitionString ?? properties.Definition ?? {},
    });
    return { ref: arn, attributes: { Arn: arn, Name: name } };
  },
});

export const stepFunctionsResources = [stateMachine];
