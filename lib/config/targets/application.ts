import { basename, relative, resolve } from 'node:path';
import * as z from 'zod';
import { restoreTestShape } from '../restore-test-schema.ts';
import { mountsShape } from './mounts.ts';
import { type MethodTable, type ParentTable, targetSchemaOf } from './target-schema.ts';

const patternsSchema = z.array(z.string().min(1));

/** Which files of a tree are taken. Patterns are those of .gitignore, relative to the tree. */
const choiceShape = {
  include: patternsSchema.default([]).describe('Only what these patterns name; everything when left out'),
  exclude: patternsSchema
    .default([])
    .describe("What to leave out, as .gitignore has it: 'cache/', '*.tmp', '/build', '!keep.tmp'"),
  tolerate: patternsSchema
    .default([])
    .describe(
      'Files that may change or vanish while they are read: a backup that met no other such file is complete, and says so',
    ),
};

/** One folder that is backed up as a stream of its own. */
const treeSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[\w.-]{1,60}$/, 'is not a name: letters, digits, dots, dashes')
    .describe('What it is called in backups'),
  path: z.string().min(1).describe('The folder, relative to this file'),
  ...choiceShape,
});

/** Which folders to back up. */
export const applicationConnectionSchema = z
  .strictObject({
    path: z.string().min(1).optional().describe('The folder, relative to this file'),
    trees: z
      .array(treeSchema)
      .min(1)
      .optional()
      .describe('Instead of path: several folders, each restorable by its name'),
    preset: z
      .enum(['holdfast'])
      .optional()
      .describe("Instead of path: 'holdfast' is this configuration file itself, without keys and passwords"),
    ...choiceShape,
    oneFileSystem: z
      .boolean()
      .default(true)
      .describe('Other file systems mounted below the folder are left out, as empty folders'),
    allowEmpty: z
      .boolean()
      .default(false)
      .describe('false: a folder with nothing in it is a mount that is missing, and the backup fails'),
    readers: z
      .number()
      .int()
      .min(1)
      .max(64)
      .default(4)
      .describe(
        'Threads that read files at once, at most: there is one at first, and another whenever the file system keeps it waiting, as EFS does',
      ),
    chainLinks: z
      .number()
      .int()
      .min(0)
      .max(365)
      .default(30)
      .describe(
        'After so many incremental backups that build on one another, the next one builds on none: what did not change is copied in the store, and not read again from the source',
      ),
  })
  .superRefine(({ path, trees, preset }, context) => {
    const said = [path, trees, preset].filter((value) => value !== undefined).length;
    if (said !== 1) context.addIssue({ code: 'custom', message: 'say one of path, trees and preset' });
    const names = (trees ?? []).map(({ name }) => name.toLowerCase());
    for (const [index, name] of names.entries())
      if (names.indexOf(name) !== index)
        context.addIssue({
          code: 'custom',
          path: ['trees', index, 'name'],
          message: `a second tree is called '${name}'`,
        });
  });
type Connection = z.output<typeof applicationConnectionSchema>;

export const applicationMethods = {
  files: ['tar'],
  incremental: ['chunks'],
} as const satisfies MethodTable;

export const applicationParents = { incremental: ['incremental'] } as const satisfies ParentTable;

/** What is known of a restored tree beside its digests: files that must be in it. */
export const fileAssertionSchema = z.strictObject({
  tree: z.string().optional().describe('In which tree; the only one when left out'),
  path: z.string().min(1).describe('A file or folder of the tree'),
  minBytes: z.number().int().nonnegative().optional().describe('It has at least so many bytes'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional()
    .describe('Its content has this SHA-256'),
  contains: z.string().min(1).optional().describe('Its first mebibyte holds this text'),
});
export type FileAssertion = z.output<typeof fileAssertionSchema>;

const { assertions: _, assertionTimeoutSeconds: __, ...restoreTestOfAll } = restoreTestShape;
export const applicationRestoreTestShape = {
  files: z.array(fileAssertionSchema).max(100).default([]).describe('Files that a good copy has'),
};

export const applicationTargetSchema = targetSchemaOf({
  engine: 'application',
  connection: applicationConnectionSchema,
  methods: applicationMethods,
  about: {
    method: "'files' is the whole tree each time; 'incremental' reads and stores what changed, and restores as a whole",
    format: "'tar' is read by any tar; 'chunks' is the format of incremental backups",
    backups: "Left out, the engine's defaults: daily and weekly",
  },
  restoreTest: z.strictObject({ ...restoreTestOfAll, ...applicationRestoreTestShape }).prefault({}),
  own: mountsShape,
});

/** The connection with absolute paths, and the preset spelled out: what it means depends on where the configuration is. */
export function placedConnection(
  { preset, path, trees, ...rest }: Connection,
  { directory, file }: { readonly directory: string; readonly file: string },
): Connection {
  if (preset === undefined)
    return {
      ...rest,
      ...(path !== undefined && { path: resolve(directory, path) }),
      ...(trees !== undefined && { trees: trees.map((tree) => ({ ...tree, path: resolve(directory, tree.path) })) }),
    };
  const own = relative(directory, resolve(file)) || basename(file);
  return { ...rest, trees: [{ name: preset, path: directory, include: [`/${own}`], exclude: [], tolerate: [] }] };
}
