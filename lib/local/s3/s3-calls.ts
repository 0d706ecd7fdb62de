import { objectTags } from '../../core/object-tags.ts';
import { AwsError } from '../aws-error.ts';
import type { CallContext } from '../call-log.ts';

/** A request to S3, as far as it decides what the caller needs to be allowed. The path is `/bucket/key`. */
export type S3Request = {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Only of a request that removes several objects, which names them there. */
  readonly body?: string;
};

/** One thing that IAM is asked before S3 does what a request wants. */
export type S3Call = { readonly action: string; readonly resource: string; readonly context: CallContext };

/**
 * What IAM is asked for a request: one call or several, since tags and locks that are set with an object are actions of their own. From the
 * Service Authorization Reference (actions, resources and condition keys for Amazon S3) and the API reference, which name for every operation
 * the permissions that it needs. Throws `NotImplemented` for an operation that is not in the tables here.
 */
export function s3Calls(request: S3Request): S3Call[] {
  const { bucket, key, query } = placeOf(request.url);
  const header = (name: string): string | undefined => [request.headers[name] ?? []].flat()[0];
  if (key === '') return bucketCalls(request, bucket, query);

  const object = `arn:aws:s3:::${bucket}/${key}`;
  const version = query.has('versionId') ? 'Version' : '';
  const sub = subresources.find((name) => query.has(name));
  const whole = `${request.method}${sub === undefined ? '' : `?${sub}`}`;
  const plain = (action: string): S3Call[] => [{ action, resource: object, context: {} }];
  switch (whole) {
    case 'GET':
    case 'HEAD':
      return plain(`s3:GetObject${version}`);
    case 'PUT?uploadId':
      return [...copied(header), write(object, { isCreated: false })];
    case 'PUT':
      return [
        ...copied(header),
        write(object, { isCreated: true, conditions: conditionsOf(header), tags: tagsOf(header) }),
        ...extras(object, header),
      ];
    case 'POST?uploads':
      return [write(object, { isCreated: false, tags: tagsOf(header) }), ...extras(object, header)];
    case 'POST?uploadId':
      return [write(object, { isCreated: true, conditions: conditionsOf(header) }), ...readToCompare(object, header)];
    case 'GET?uploadId':
      return plain('s3:ListMultipartUploadParts');
    case 'DELETE?uploadId':
      return plain('s3:AbortMultipartUpload');
    case 'DELETE':
      return [
        ...removalActions(version !== '').flatMap(plain),
        ...(header('x-amz-bypass-governance-retention') === 'true' ? plain('s3:BypassGovernanceRetention') : []),
      ];
    case 'GET?tagging':
      return plain(`s3:GetObject${version}Tagging`);
    case 'DELETE?tagging':
      return plain(`s3:DeleteObject${version}Tagging`);
    case 'PUT?tagging':
      // The tags that it replaces decide as well, and nobody here knows them: an object that is tagged anew has some.
      return [{ action: `s3:PutObject${version}Tagging`, resource: object, context: existingTag }];
    case 'GET?retention':
      return plain('s3:GetObjectRetention');
    case 'PUT?retention':
      return [
        ...plain('s3:PutObjectRetention'),
        ...(header('x-amz-bypass-governance-retention') === 'true' ? plain('s3:BypassGovernanceRetention') : []),
      ];
    case 'GET?legal-hold':
      return plain('s3:GetObjectLegalHold');
    case 'PUT?legal-hold':
      return plain('s3:PutObjectLegalHold');
    case 'GET?attributes':
      return [...plain(`s3:GetObject${version}`), ...plain(`s3:GetObject${version}Attributes`)];
    default:
      throw unknown(`${request.method} of an object${sub === undefined ? '' : ` ('${sub}')`}`);
  }
}

/**
 * What S3 asks IAM before it says that there is no such object: whoever may not list the bucket hears "denied" instead, and has to guess.
 */
export function absenceCall(url: string): S3Call {
  return { action: 's3:ListBucket', resource: `arn:aws:s3:::${placeOf(url).bucket}`, context: {} };
}

/** Parts of an object that are addressed by a query; the first one that a request has says what it is about. */
const subresources = ['uploads', 'uploadId', 'tagging', 'retention', 'legal-hold', 'attributes', 'acl', 'restore'];

const bucketActions: Readonly<Record<string, string>> = {
  'GET?list-type': 's3:ListBucket',
  'GET?versions': 's3:ListBucketVersions',
  'GET?uploads': 's3:ListBucketMultipartUploads',
  'GET?location': 's3:GetBucketLocation',
  'GET?versioning': 's3:GetBucketVersioning',
  'GET?object-lock': 's3:GetBucketObjectLockConfiguration',
  'GET?lifecycle': 's3:GetLifecycleConfiguration',
  HEAD: 's3:ListBucket',
};

function bucketCalls({ method, body }: S3Request, bucket: string, query: URLSearchParams): S3Call[] {
  if (method === 'POST' && query.has('delete')) return removals(bucket, body ?? '');
  const found = Object.entries(bucketActions).find(([form]) => {
    const [wanted, name] = form.split('?');
    return method === wanted && (name === undefined || query.has(name));
  });
  if (found === undefined) throw unknown(`${method} of a bucket ('${[...query.keys()].join("', '")}')`);
  const context: CallContext = Object.fromEntries(
    [
      ['s3:prefix', query.get('prefix')],
      ['s3:delimiter', query.get('delimiter')],
      ['s3:max-keys', query.get('max-keys')],
    ].flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );
  return [{ action: found[1], resource: `arn:aws:s3:::${bucket}`, context }];
}

function removals(bucket: string, body: string): S3Call[] {
  return [...body.matchAll(/<Object>(.*?)<\/Object>/gs)].flatMap(([, object = '']) => {
    const resource = `arn:aws:s3:::${bucket}/${unescapeXml(/<Key>(.*?)<\/Key>/s.exec(object)?.[1] ?? '')}`;
    return removalActions(object.includes('<VersionId>')).map((action) => ({ action, resource, context: {} }));
  });
}

/** Who removes a version has to be allowed both: the API reference has `s3:DeleteObject` as always required. */
const removalActions = (isVersion: boolean): readonly string[] =>
  isVersion ? ['s3:DeleteObject', 's3:DeleteObjectVersion'] : ['s3:DeleteObject'];

function write(
  object: string,
  { isCreated, conditions = {}, tags = {} }: { isCreated: boolean; conditions?: CallContext; tags?: CallContext },
): S3Call {
  return {
    action: 's3:PutObject',
    resource: object,
    // An object comes to be when it is put, or when its upload is completed: parts cannot bear a condition, and need none.
    context: { 's3:ObjectCreationOperation': String(isCreated), ...conditions, ...tags },
  };
}

type Header = (name: string) => string | undefined;

function conditionsOf(header: Header): CallContext {
  return Object.fromEntries(
    (['if-match', 'if-none-match'] as const).flatMap((name) => {
      const value = header(name);
      return value === undefined ? [] : [[`s3:${name}`, value]];
    }),
  );
}

function tagsOf(header: Header): CallContext {
  const tags = [...new URLSearchParams(header('x-amz-tagging') ?? '')];
  if (tags.length === 0) return {};
  return {
    's3:RequestObjectTagKeys': tags.map(([name]) => name),
    ...Object.fromEntries(tags.map(([name, value]) => [`s3:RequestObjectTag/${name}`, value])),
  };
}

/** Actions that a write needs beside `s3:PutObject`, for what it sets with the object. */
function extras(object: string, header: Header): S3Call[] {
  const of = (action: string, context: CallContext = {}): S3Call => ({ action, resource: object, context });
  return [
    ...(header('x-amz-tagging') === undefined ? [] : [of('s3:PutObjectTagging', tagsOf(header))]),
    ...(header('x-amz-object-lock-mode') === undefined ? [] : [of('s3:PutObjectRetention')]),
    ...(header('x-amz-object-lock-legal-hold') === undefined ? [] : [of('s3:PutObjectLegalHold')]),
    ...(header('x-amz-acl') === undefined ? [] : [of('s3:PutObjectAcl')]),
    ...readToCompare(object, header),
  ];
}

/** A write on condition of the present content tells the caller something of it, so S3 asks whether it may read. */
function readToCompare(object: string, header: Header): S3Call[] {
  return header('if-match') === undefined ? [] : [{ action: 's3:GetObject', resource: object, context: {} }];
}

/** Where a copy comes from has to be readable. */
function copied(header: Header): S3Call[] {
  const source = header('x-amz-copy-source');
  if (source === undefined) return [];
  const path = decodeURIComponent(source.replace(/^\//, '').split('?')[0] ?? '');
  const action = source.includes('?versionId=') ? 's3:GetObjectVersion' : 's3:GetObject';
  return [{ action, resource: `arn:aws:s3:::${path}`, context: {} }];
}

const existingTag: CallContext = { [`s3:ExistingObjectTag/${objectTags.content}`]: 'data' };

function placeOf(url: string): { readonly bucket: string; readonly key: string; readonly query: URLSearchParams } {
  const [path = '', search = ''] = url.split('?');
  const [, bucket = '', ...rest] = path.split('/');
  return { bucket, key: rest.map(decodeURIComponent).join('/'), query: new URLSearchParams(search) };
}

function unknown(what: string): AwsError {
  return new AwsError('NotImplemented', `the local stack does not speak S3's ${what}`, 501);
}

function unescapeXml(text: string): string {
  const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
  return text.replaceAll(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => entities[name] ?? '');
}
