import { Choice } from './tree/choice.ts';
import { isByIntent } from './tree/omission.ts';
import type { SinkName } from './tree/open-sink.ts';
import { readTree } from './tree/read-tree.ts';
import { type TreeContent, TreeSum } from './tree/tree-content.ts';

/** What a folder holds now, counted as a backup in that format counts it. Throws the system's own errors. */
export async function readContent(options: {
  readonly path: string;
  readonly format: string;
  readonly readers: number;
  readonly signal: AbortSignal;
  /** @default - everything */
  readonly choice?: Choice;
  readonly oneFileSystem?: boolean;
}): Promise<TreeContent & { readonly omitted: readonly string[] }> {
  const { path, format, readers, signal, choice, oneFileSystem = true } = options;
  const sum = new TreeSum();
  const omitted: string[] = [];
  const sink: SinkName = format === 'tar' ? 'digest' : 'chunk-digest';
  for await (const part of readTree({
    root: Buffer.from(path),
    choice: choice ?? new Choice({ include: [], exclude: [] }),
    sink,
    readers,
    oneFileSystem,
    signal,
  })) {
    sum.addAll(part.sums);
    for (const { path: name, reason } of part.omissions)
      if (!isByIntent(reason)) omitted.push(`'${Buffer.from(name).toString('utf8')}' ${reason}`);
  }
  return { ...sum.content(), omitted };
}
