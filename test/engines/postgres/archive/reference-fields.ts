/**
 * Every field of an uncompressed archive with its place, read from a whole archive by the plainest means: what tests of damage
 * need to know which bytes they damage.
 */
export type Field = { readonly label: string; readonly start: number; readonly end: number };

export function fieldsOf(archive: Buffer): readonly Field[] {
  const fields: Field[] = [];
  let at = 0;
  const take = (label: string, length: number): Buffer => {
    fields.push({ label, start: at, end: at + length });
    at += length;
    return archive.subarray(at - length, at);
  };
  const integer = (label: string): number => {
    const bytes = take(label, 5);
    return bytes.readUInt8(0) === 0 ? bytes.readUInt32LE(1) : -bytes.readUInt32LE(1);
  };
  const string = (label: string): string | null => {
    const length = integer('length');
    return length < 0 ? null : take(label, length).toString();
  };

  take('mark', 5);
  const minorVersion = take('version', 3).readUInt8(1);
  take('sizes', 3);
  if (minorVersion >= 15) take('compression', 1);
  else integer('compression');
  for (let part = 0; part < 6; part++) integer('time');
  integer('summer time');
  for (let part = 0; part < 3; part++) string('header text');
  const dataIds = new Map<number, string>();
  for (let left = integer('count'); left > 0; left--) {
    const dumpId = integer('entry id');
    const hasData = integer('data flag') === 1;
    string('object number');
    string('object number');
    const tagIndex = fields.length + 1;
    const tag = string('tag');
    const desc = string('kind');
    const isLeftOut = /^(ENCODING|STDSTRINGS|SEARCHPATH|DATABASE)$/.test(desc ?? '');
    const ofDefinition = (label: string): string => (isLeftOut ? `${label} left out` : label);
    const tagField = fields[tagIndex];
    if (tagField) fields[tagIndex] = { ...tagField, label: ofDefinition('tag') };
    integer('section');
    string(ofDefinition('definition'));
    string('drop command');
    string('copy command');
    string(ofDefinition('schema'));
    string('tablespace');
    if (minorVersion >= 14) string('access method');
    if (minorVersion >= 16) integer('relation kind');
    string(ofDefinition('owner'));
    string('row number flag');
    while (string('dependency') !== null);
    take('position', 9);
    if (hasData) dataIds.set(dumpId, desc ?? tag ?? '');
  }
  const chunks = (): void => {
    for (let length = integer('length'); length !== 0; length = integer('length')) take('data', length);
  };
  while (at < archive.length) {
    take('block type', 1);
    const isObjects = dataIds.get(integer('block id')) === 'BLOBS';
    if (!isObjects) chunks();
    else while (integer('object') !== 0) chunks();
  }
  return fields;
}
