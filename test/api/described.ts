import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { openApiDocument } from '../../lib/api/open-api.ts';

type Described = {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<Record<string, { readonly responses: Readonly<Record<string, { readonly content?: object }>> }>>
    >
  >;
};

const ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false });
addFormats.default(ajv);
ajv.addFormat('base64', /^[A-Za-z0-9+/]*={0,2}$/);
ajv.addSchema({ ...openApiDocument(), $id: 'api' });

/**
 * Throws unless an answer is one that the OpenAPI document describes for its operation: its status, its content type, and its body by the
 * schema of both.
 */
export function assertDescribed(
  method: string,
  path: string,
  answer: { readonly status: number; readonly contentType: string; readonly body: unknown },
): void {
  const { paths } = openApiDocument() as Described;
  const template = Object.keys(paths).find((known) =>
    new RegExp(`^${known.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path),
  );
  const responses = paths[template ?? '']?.[method.toLowerCase()]?.responses;
  const type = answer.contentType.split(';')[0] ?? '';
  const content = responses?.[String(answer.status)]?.content as Readonly<Record<string, object>> | undefined;
  const where = `${method} ${path} answered ${answer.status} ${type}`;
  if (content?.[type] === undefined) throw new Error(`${where}, which is not described`);
  if (!('schema' in content[type])) return;
  const pointer = [
    'paths',
    template ?? '',
    method.toLowerCase(),
    'responses',
    String(answer.status),
    'content',
    type,
    'schema',
  ]
    .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
    .join('/');
  const validate = ajv.getSchema(`api#/${pointer}`);
  if (validate === undefined) throw new Error(`${where}: no schema at '${pointer}'`);
  if (!validate(answer.body))
    throw new Error(`${where}: ${ajv.errorsText(validate.errors)}: ${JSON.stringify(answer.body)}`);
}
