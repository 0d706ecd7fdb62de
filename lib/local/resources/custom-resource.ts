import * as z from 'zod';
import type { Json } from '../json.ts';
import { resourceKind } from './resource.ts';

/** Whether resources of this type are made by a function of the template's own. */
export function isCustomResource(type: string): boolean {
  return type.startsWith('Custom::') || type === 'AWS::CloudFormation::CustomResource';
}

/**
 * What a function of the template makes. The stack invokes that function at its start, when its properties differ from
 * those of the last time. Under the CDK's provider framework it is the user's `onEvent` function that is invoked, since
 * the framework's own part is only to answer CloudFormation.
 */
export const customResource = resourceKind({
  type: 'AWS::CloudFormation::CustomResource',
  properties: z.looseObject({ ServiceToken: z.string() }),
  add: ({ ServiceToken, ...properties }, context) => {
    context.model.customResources.push({
      origin: context.origin,
      type: context.type,
      serviceToken: ServiceToken,
      properties: properties as Readonly<Record<string, Json>>,
    });
    return { ref: `${context.origin.stack}-${context.origin.logicalId}` };
  },
});
