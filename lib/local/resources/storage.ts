import { createHash } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod';
import { numberProperty, resourceKind } from './resource.ts';

/** The bucket stands for the configured store; the program itself opens that from its configuration. */
const bucket = resourceKind({
  type: 'AWS::S3::Bucket',
  properties: z.strictObject({ BucketName: z.string().optional() }),
  add: ({ BucketName }, context) => {
    const name = context.physicalName(BucketName).toLowerCase();
    const arn = `arn:aws:s3:::${name}`;
    context.model.buckets.push({ name, arn });
    return {
      ref: name,
      attributes: {
        Arn: arn,
        DomainName: `${name}.s3.amazonaws.com`,
        RegionalDomainName: `${name}.s3.${context.settings.region}.amazonaws.com`,
      },
    };
  },
});

/** A key's id is made from its place in the templates, so that it is the same at every start and its material is found. */
const key = resourceKind({
  type: 'AWS::KMS::Key',
  properties: z.strictObject({}),
  add: (_, context) => {
    const digest = createHash('sha256').update(`${context.origin.stack}/${context.origin.logicalId}`).digest('hex');
    const id = digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
    const arn = context.arn('kms', `key/${id}`);
    context.model.keys.push({ id, arn, aliases: [] });
    return { ref: id, attributes: { Arn: arn, KeyId: id } };
  },
});

const alias = resourceKind({
  type: 'AWS::KMS::Alias',
  properties: z.strictObject({ AliasName: z.string(), TargetKeyId: z.string() }),
  add: ({ AliasName, TargetKeyId }, { model }) => {
    model.keys.find(({ id, arn }) => id === TargetKeyId || arn === TargetKeyId)?.aliases.push(AliasName);
    return { ref: AliasName };
  },
});

const secret = resourceKind({
  type: 'AWS::SecretsManager::Secret',
  properties: z.strictObject({
    Name: z.string().optional(),
    SecretString: z.string().optional(),
    GenerateSecretString: z
      .strictObject({
        SecretStringTemplate: z.string().default('{}'),
        GenerateStringKey: z.string().default('password'),
        PasswordLength: numberProperty.default(32),
      })
      .optional(),
  }),
  add: (properties, context) => {
    const name = context.physicalName(properties.Name);
    const arn = context.arn('secretsmanager', `secret:${name}-local1`);
    const generate = properties.GenerateSecretString;
    context.model.secrets.push({
      origin: context.origin,
      name,
      arn,
      value:
        properties.SecretString !== undefined
          ? { kind: 'literal', text: properties.SecretString }
          : generate === undefined
            ? { kind: 'empty' }
            : {
                kind: 'generated',
                template: generate.SecretStringTemplate,
                key: generate.GenerateStringKey,
                length: generate.PasswordLength,
              },
    });
    return { ref: arn, attributes: { Id: arn } };
  },
});

/** The endpoint is the folder of a unix socket, so that no port is opened and no password is needed. */
const databaseInstance = resourceKind({
  type: 'AWS::RDS::DBInstance',
  properties: z.strictObject({
    DBInstanceIdentifier: z.string().optional(),
    DBName: z.string().default('postgres'),
    Engine: z.literal('postgres'),
    Port: numberProperty.default(5432),
    MasterUsername: z.string().default('postgres'),
  }),
  add: (properties, context) => {
    const identifier = context.physicalName(properties.DBInstanceIdentifier).toLowerCase();
    const arn = context.arn('rds', `db:${identifier}`);
    const digest = createHash('sha256').update(identifier).digest('hex').slice(0, 8);
    const socketFolder = join(context.settings.socketRoot, `pg-${digest}`);
    const masterUser = dynamicReference.test(properties.MasterUsername) ? 'postgres' : properties.MasterUsername;
    const resourceId = `db-${digest.toUpperCase()}`;
    context.model.databases.push({
      origin: context.origin,
      identifier,
      arn,
      resourceId,
      socketFolder,
      port: properties.Port,
      databaseName: properties.DBName,
      masterUser,
    });
    return {
      ref: identifier,
      attributes: {
        'Endpoint.Address': socketFolder,
        'Endpoint.Port': String(properties.Port),
        DBInstanceArn: arn,
        DbiResourceId: resourceId,
        'MasterUserSecret.SecretArn': context.arn('secretsmanager', `secret:rds!${identifier}-local1`),
      },
    };
  },
});

const dynamicReference = /^\{\{resolve:/;

export const storageResources = [bucket, key, alias, secret, databaseInstance];
