import { isDeepStrictEqual } from 'node:util';
import { HoldfastError } from '../../../core/errors.ts';
import type { StreamRecord } from '../../../core/manifest.ts';
import { inspectTar } from '../tar/inspect-tar.ts';
import type { Entry } from '../tree/entry.ts';
import type { PathChoice } from './path-choice.ts';
import type { TreeWriter } from './tree-writer.ts';
import type { NewFile } from './write-pool.ts';

type Stream = { readonly record: StreamRecord; readonly signal: AbortSignal; open(): AsyncIterable<Uint8Array> };

/** Makes the chosen entries of an archive. Throws `corrupt` when the archive is not what its manifest says. */
export async function extractTar(
  stream: Stream,
  choice: PathChoice,
  writer: TreeWriter,
  onBytes: (count: number) => void,
): Promise<void> {
  const made = new Set<string>();
  const orphans = new Map<string, Entry[]>();
  await pass(stream, onBytes, writer, (entry) => {
    if (!choice.has(entry)) return undefined;
    if (choice.isWhole) return [entry];
    if (entry.kind === 'file') made.add(keyOf(entry.path));
    const target = entry.kind === 'hard-link' ? keyOf(entry.target) : undefined;
    if (target === undefined || made.has(target)) return [entry];
    // The name under which the content stands is not chosen, and has gone by.
    orphans.set(target, [...(orphans.get(target) ?? []), entry]);
    return undefined;
  });
  choice.requireAllFound(stream.record.name);
  if (orphans.size === 0) return;
  await pass(stream, onBytes, writer, (entry) => {
    const names = entry.kind === 'file' ? (orphans.get(keyOf(entry.path)) ?? []) : [];
    const [first, ...others] = names;
    if (first === undefined) return undefined;
    return [{ ...entry, path: first.path }, ...others.map((other) => ({ ...other, target: first.path }))];
  });
}

/** Goes through the archive once; `wanted` says as what an entry is made, and what more is made of it. */
async function pass(
  { record, signal, open }: Stream,
  onBytes: (count: number) => void,
  writer: TreeWriter,
  wanted: (entry: Entry) => readonly Entry[] | undefined,
): Promise<void> {
  let current: { readonly file: NewFile; readonly more: readonly Entry[] } | undefined;
  let last: typeof current;
  const links: Entry[] = [];
  const bytes = async function* () {
    let count = 0;
    for await (const chunk of open()) {
      yield chunk;
      count += chunk.length;
      onBytes(count);
      await writer.room();
    }
  };
  const { content } = await inspectTar(bytes(), {
    signal,
    begin(found) {
      current = undefined;
      const [entry, ...more] = wanted(found) ?? [];
      if (entry === undefined) return;
      if (entry.kind === 'folder') writer.addFolder(entry);
      else if (entry.kind !== 'file') writer.addSpecial(entry);
      else current = { file: writer.beginFile(entry), more };
    },
    data: (piece, position) => current?.file.write(piece, position),
    end(_, digest) {
      last = current;
      if (current === undefined || digest === undefined) return;
      current.file.end(digest);
      links.push(...current.more);
    },
    drop() {
      last?.file.remove();
      links.splice(links.length - (last?.more.length ?? 0));
    },
  });
  for (const link of links) writer.addSpecial(link);
  if (!isDeepStrictEqual(content, record.content))
    throw new HoldfastError('corrupt', `the archive of tree '${record.name}' holds other files than its manifest says`);
}

const keyOf = (path: Buffer | undefined): string => path?.toString('latin1') ?? '';
