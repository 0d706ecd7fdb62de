import { type Entry, shownBytes, shownPath } from '../tree/entry.ts';
import { timeText } from '../tree/tree-content.ts';

/** An entry's line without its end, so that chunks can be put to it. */
export function entryLine(entry: Entry): string {
  const { path, kind, mode, uid, gid, mtime, size, target, device, xattrs } = entry;
  return JSON.stringify({
    path: shownPath(path),
    type: kind,
    mode: mode.toString(8),
    uid,
    gid,
    mtime: timeText(mtime),
    ...(kind === 'file' && { size }),
    ...(target && { target: shownBytes(target) }),
    ...(device && { device: [device.major, device.minor] }),
    ...(xattrs.length > 0 && { xattrs: xattrs.map(([name, value]) => [shownBytes(name), value.toString('base64')]) }),
    ...(entry.isSparse && { sparse: true }),
    ...(entry.signature !== undefined && { stat: entry.signature }),
  }).slice(0, -1);
}
