import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import { asJsonObject, type JsonObject } from './json.ts';

/** One resource of a template, before its intrinsics are resolved. */
export type TemplateResource = {
  readonly logicalId: string;
  readonly type: string;
  readonly properties: JsonObject;
  readonly dependsOn: readonly string[];
  readonly condition: string | undefined;
};

/** One stack of the assembly: its template, taken apart. */
export type AssemblyStack = {
  readonly name: string;
  readonly resources: readonly TemplateResource[];
  readonly parameters: JsonObject;
  readonly mappings: JsonObject;
  readonly conditions: JsonObject;
  readonly outputs: JsonObject;
};

/** What `cdk synth` wrote: stacks in the order in which they deploy, and where their assets lie. */
export type Assembly = {
  readonly directory: string;
  readonly stacks: readonly AssemblyStack[];
  /** The absolute folder (or file) of a file asset, by the object key that templates name it with. */
  readonly fileAssets: ReadonlyMap<string, string>;
  /** The absolute build context of a container image asset, by the tag that templates name it with. */
  readonly imageAssets: ReadonlyMap<string, ImageAsset>;
};

export type ImageAsset = { readonly tag: string; readonly directory: string; readonly dockerFile: string };

const manifestSchema = z.object({
  artifacts: z.record(
    z.string(),
    z.object({
      type: z.string(),
      dependencies: z.array(z.string()).optional(),
      properties: z
        .object({
          templateFile: z.string().optional(),
          stackName: z.string().optional(),
          file: z.string().optional(),
          directoryName: z.string().optional(),
        })
        .optional(),
    }),
  ),
});

const assetsSchema = z.object({
  files: z.record(
    z.string(),
    z.object({
      source: z.object({ path: z.string().optional() }),
      destinations: z.record(z.string(), z.object({ objectKey: z.string() })),
    }),
  ),
  dockerImages: z.record(
    z.string(),
    z.object({
      source: z.object({ directory: z.string().optional(), dockerFile: z.string().optional() }),
      destinations: z.record(z.string(), z.object({ imageTag: z.string() })),
    }),
  ),
});

const templateSchema = z.object({
  Resources: z
    .record(
      z.string(),
      z.object({
        Type: z.string(),
        Properties: z.record(z.string(), z.json()).optional(),
        DependsOn: z.union([z.string(), z.array(z.string())]).optional(),
        Condition: z.string().optional(),
      }),
    )
    .optional(),
  Parameters: z.record(z.string(), z.json()).optional(),
  Mappings: z.record(z.string(), z.json()).optional(),
  Conditions: z.record(z.string(), z.json()).optional(),
  Outputs: z.record(z.string(), z.json()).optional(),
});

/**
 * The cloud assembly in `directory`, with those of its stages. Throws `config-missing` when there is none, and
 * `assembly-unsupported` when a file in it is not what the CDK writes.
 */
export function readAssembly(directory: string): Assembly {
  if (!existsSync(join(directory, 'manifest.json')))
    throw new HoldfastError('config-missing', `there is no cloud assembly in '${directory}'`, {
      hint: "synthesize it with 'npx cdk synth'",
    });
  const stacks: AssemblyStack[] = [];
  const fileAssets = new Map<string, string>();
  const imageAssets = new Map<string, ImageAsset>();
  readInto(directory, { stacks, fileAssets, imageAssets });
  return { directory, stacks, fileAssets, imageAssets };
}

type Parts = {
  readonly stacks: AssemblyStack[];
  readonly fileAssets: Map<string, string>;
  readonly imageAssets: Map<string, ImageAsset>;
};

function readInto(directory: string, parts: Parts): void {
  const { artifacts } = parse(manifestSchema, join(directory, 'manifest.json'));
  for (const id of inDependencyOrder(artifacts)) {
    const { type, properties } = artifacts[id] ?? { type: 'none' };
    if (type === 'aws:cloudformation:stack' && properties?.templateFile !== undefined)
      parts.stacks.push(readStack(join(directory, properties.templateFile), properties.stackName ?? id));
    if (type === 'cdk:asset-manifest' && properties?.file !== undefined)
      readAssets(directory, join(directory, properties.file), parts);
    if (type === 'cdk:cloud-assembly' && properties?.directoryName !== undefined)
      readInto(join(directory, properties.directoryName), parts);
  }
}

function readStack(file: string, name: string): AssemblyStack {
  const template = parse(templateSchema, file);
  return {
    name,
    resources: Object.entries(template.Resources ?? {}).map(([logicalId, resource]) => ({
      logicalId,
      type: resource.Type,
      properties: resource.Properties ?? {},
      dependsOn: [resource.DependsOn ?? []].flat(),
      condition: resource.Condition,
    })),
    parameters: asJsonObject(template.Parameters),
    mappings: asJsonObject(template.Mappings),
    conditions: asJsonObject(template.Conditions),
    outputs: asJsonObject(template.Outputs),
  };
}

function readAssets(directory: string, file: string, parts: Parts): void {
  const { files, dockerImages } = parse(assetsSchema, file);
  for (const { source, destinations } of Object.values(files))
    for (const { objectKey } of Object.values(destinations))
      if (source.path !== undefined) parts.fileAssets.set(objectKey, join(directory, source.path));
  for (const { source, destinations } of Object.values(dockerImages))
    for (const { imageTag } of Object.values(destinations))
      if (source.directory !== undefined)
        parts.imageAssets.set(imageTag, {
          tag: imageTag,
          directory: join(directory, source.directory),
          dockerFile: source.dockerFile ?? 'Dockerfile',
        });
}

function inDependencyOrder(
  artifacts: Readonly<Record<string, { readonly dependencies?: readonly string[] | undefined }>>,
): string[] {
  const ordered = new Set<string>();
  const visit = (id: string): void => {
    if (ordered.has(id)) return;
    for (const dependency of artifacts[id]?.dependencies ?? []) visit(dependency);
    ordered.add(id);
  };
  for (const id of Object.keys(artifacts).sort()) visit(id);
  return [...ordered];
}

function parse<T>(schema: z.ZodType<T>, file: string): T {
  const parsed = schema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (!parsed.success)
    throw new HoldfastError('assembly-unsupported', `'${file}' is not as expected: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
