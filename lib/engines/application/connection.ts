import { basename } from 'node:path';
import { applicationConnectionSchema } from '../../config/targets/application.ts';
import { HoldfastError } from '../../core/errors.ts';

/** A folder that is backed up, and what of it. */
export type TreeSettings = {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly tolerate: readonly string[];
};

export type Connection = {
  readonly trees: readonly TreeSettings[];
  readonly oneFileSystem: boolean;
  readonly allowEmpty: boolean;
  readonly readers: number;
  readonly chainLinks: number;
};

/** A target's connection section as the configuration has resolved it: paths absolute, presets spelled out. */
export function parseConnection(value: unknown): Connection {
  const { password: _, ...section } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const parsed = applicationConnectionSchema.safeParse(section);
  if (!parsed.success)
    throw new HoldfastError('config-invalid', 'the connection of an application target is not valid');
  const { path, trees = [], include, exclude, tolerate, preset: _preset, ...settings } = parsed.data;
  const single = path === undefined ? [] : [{ name: nameOf(path), path, include: [], exclude: [], tolerate: [] }];
  return {
    ...settings,
    // What is said of all trees holds for each.
    trees: [...single, ...trees].map((tree) => ({
      ...tree,
      include: tree.include.length > 0 ? tree.include : include,
      exclude: [...exclude, ...tree.exclude],
      tolerate: [...tolerate, ...tree.tolerate],
    })),
  };
}

/** The tree of that name, or the only one. */
export function treeNamed({ trees }: Connection, name: string): TreeSettings | undefined {
  return trees.find((tree) => tree.name === name) ?? (trees.length === 1 ? trees[0] : undefined);
}

const nameOf = (path: string): string => basename(path).replaceAll(/[^\w.-]+/g, '-') || 'root';
