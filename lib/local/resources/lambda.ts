import * as z from 'zod';
import { numberProperty, resourceKind, textsProperty, unsupported } from './resource.ts';

const lambdaFunction = resourceKind({
  type: 'AWS::Lambda::Function',
  properties: z.strictObject({
    FunctionName: z.string().optional(),
    Code: z.strictObject({ S3Key: z.string() }),
    Handler: z.string(),
    Runtime: z.string().startsWith('nodejs', 'only Node.js functions run here'),
    Timeout: numberProperty.default(3),
    MemorySize: numberProperty.default(128),
    Role: z.string(),
    DeadLetterConfig: z.strictObject({ TargetArn: z.string() }).optional(),
    Environment: z.strictObject({ Variables: textsProperty.default({}) }).default({ Variables: {} }),
  }),
  add: (properties, context) => {
    const folder = context.assembly.fileAssets.get(properties.Code.S3Key);
    if (folder === undefined) throw unsupported(context, `there is no asset '${properties.Code.S3Key}'`);
    const name = context.physicalName(properties.FunctionName);
    const arn = context.arn('lambda', `function:${name}`);
    context.model.functions.push({
      origin: context.origin,
      name,
      arn,
      roleArn: properties.Role,
      folder,
      handler: properties.Handler,
      environment: properties.Environment.Variables,
      timeoutSeconds: properties.Timeout,
      memoryMiB: properties.MemorySize,
      deadLetterArn: properties.DeadLetterConfig?.TargetArn,
    });
    return { ref: name, attributes: { Arn: arn } };
  },
});

const lambdaVersion = resourceKind({
  type: 'AWS::Lambda::Version',
  properties: z.strictObject({ FunctionName: z.string() }),
  add: ({ FunctionName }, context) => ({
    ref: context.arn('lambda', `function:${FunctionName}:1`),
    attributes: { Version: '1', FunctionArn: context.arn('lambda', `function:${FunctionName}:1`) },
  }),
});

const lambdaAlias = resourceKind({
  type: 'AWS::Lambda::Alias',
  properties: z.strictObject({ FunctionName: z.string(), FunctionVersion: z.string(), Name: z.string() }),
  add: ({ FunctionName, Name }, context) => ({
    ref: context.arn('lambda', `function:${FunctionName}:${Name}`),
    attributes: { AliasArn: context.arn('lambda', `function:${FunctionName}:${Name}`) },
  }),
});

const lambdaUrl = resourceKind({
  type: 'AWS::Lambda::Url',
  properties: z.strictObject({ TargetFunctionArn: z.string(), AuthType: z.literal('AWS_IAM') }),
  add: ({ TargetFunctionArn }, { settings, model }) => {
    const name = functionNameOf(TargetFunctionArn);
    model.functionUrls.push(name);
    return {
      ref: TargetFunctionArn,
      attributes: { FunctionArn: TargetFunctionArn, FunctionUrl: `${settings.functionUrlBase}/${name}/` },
    };
  },
});

/** The name of a function from its name, ARN, or qualified ARN. */
export function functionNameOf(nameOrArn: string): string {
  return nameOrArn.startsWith('arn:') ? (nameOrArn.split(':')[6] ?? nameOrArn) : (nameOrArn.split(':')[0] ?? nameOrArn);
}

export const lambdaResources = [lambdaFunction, lambdaVersion, lambdaAlias, lambdaUrl];
