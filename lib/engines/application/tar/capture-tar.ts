import type { CaptureResult, EngineContext } from '../../engine.ts';
import { stopReason } from '../../stop-reason.ts';
import type { Connection, TreeSettings } from '../connection.ts';
import { translated } from '../errors.ts';
import { requireFolder, requireSomething } from '../source.ts';
import { Choice } from '../tree/choice.ts';
import { OmissionList } from '../tree/omission-list.ts';
import { readTree } from '../tree/read-tree.ts';
import { TreeSum } from '../tree/tree-content.ts';
import { attributesRemark } from '../tree/without-libc.ts';
import { archiveEnd } from './pax-header.ts';

/** A tree as a tar archive. */
export async function captureTar(
  context: EngineContext,
  connection: Connection,
  tree: TreeSettings,
): Promise<{ readonly bytes: AsyncIterable<Uint8Array>; result(): CaptureResult }> {
  requireFolder(tree);
  const sum = new TreeSum();
  const omissions = new OmissionList(tree.tolerate);

  async function* bytes(): AsyncGenerator<Uint8Array, void> {
    let files = 0;
    try {
      for await (const part of readTree({
        root: Buffer.from(tree.path),
        choice: new Choice(tree),
        sink: 'tar',
        oneFileSystem: connection.oneFileSystem,
        readers: connection.readers,
        signal: context.signal,
      })) {
        sum.addAll(part.sums);
        for (const omission of part.omissions) omissions.add(omission);
        for (const one of part.sums) files += one.files;
        if (part.bytes !== undefined) yield part.bytes;
      }
    } catch (error) {
      throw context.signal.aborted
        ? stopReason(context.signal, `the reading of tree '${tree.name}'`)
        : translated(error, `tree '${tree.name}'`);
    }
    requireSomething(tree, connection, files);
    yield archiveEnd();
  }

  return {
    bytes: bytes(),
    result() {
      const { content, unownedDigests } = sum.content();
      const { omissions: lacks, remarks = [] } = omissions.result();
      const said = [...remarks, ...attributesRemark()];
      return {
        content,
        facts: { path: tree.path, unownedDigests },
        ...(lacks && { omissions: lacks }),
        ...(said.length > 0 && { remarks: said }),
      };
    },
  };
}
