import { randomBytes } from 'node:crypto';

/** A secret that was planted, and the forms in which it would still be one. */
export type Canary = { readonly name: string; readonly needles: readonly Needle[] };
export type Needle = { readonly form: string; readonly bytes: Buffer };

/** Something that was left behind, with a name that says where. */
export type Leaving = { readonly where: string; readonly content: Buffer };

/** A text that no program would come up with: random, and with everything in it that quoting and encoding change. */
export function secretText(name: string): string {
  return `${name}-${randomBytes(9).toString('hex')} p@ss/"w\\o'r:d%+&=ö`;
}

/**
 * The canary of such a text: its random middle, which no quoting changes, in the encodings that messages, URLs, logs and files may hold the
 * whole in.
 */
export function textCanary(name: string, text: string): Canary {
  const core = /[0-9a-f]{18}/.exec(text)?.[0];
  if (core === undefined) throw new Error(`the text of '${name}' was not made by secretText`);
  return bytesCanary(name, Buffer.from(core));
}

/** The canary of a token or of key material: as it is, and as text. */
export function bytesCanary(name: string, key: Buffer): Canary {
  return { name, needles: [{ form: 'plain', bytes: key }, ...encodedForms(key)] };
}

/** A line for each canary in each place where it was found, in the form that comes first there. */
export function sightings(canaries: readonly Canary[], leavings: Iterable<Leaving>): string[] {
  const byBeginning = new Map<number, Sought[]>();
  for (const { name, needles } of canaries)
    for (const { form, bytes } of needles) {
      const beginning = bytes.readUInt16BE(0);
      byBeginning.set(beginning, [...(byBeginning.get(beginning) ?? []), { name, form, bytes }]);
    }
  const beginnings = new Uint8Array(65_536);
  for (const beginning of byBeginning.keys()) beginnings[beginning] = 1;

  const found: string[] = [];
  for (const { where, content } of leavings) {
    const names = new Map<string, string>();
    // One pass for all of them: there are hundreds of needles, and hundreds of megabytes of programs and logs.
    for (let at = 0, pair = content[0] ?? 0; at + 1 < content.length; at++) {
      pair = ((pair & 0xff) << 8) | (content[at + 1] ?? 0);
      if (beginnings[pair] === 0) continue;
      for (const { name, form, bytes } of byBeginning.get(pair) ?? [])
        if (
          !names.has(name) &&
          content.compare(bytes, 0, bytes.length, at, Math.min(at + bytes.length, content.length)) === 0
        )
          names.set(name, form);
    }
    for (const [name, form] of names) found.push(`${where}: ${name} (${form})`);
  }
  return found;
}

type Sought = Needle & { readonly name: string };

function encodedForms(bytes: Buffer): Needle[] {
  const text = (form: string, value: string): Needle => ({ form, bytes: Buffer.from(value) });
  const hex = bytes.toString('hex');
  return [
    text('hex', hex),
    text('HEX', hex.toUpperCase()),
    ...base64Forms(bytes).flatMap((value) => [
      text('base64', value),
      text('base64url', value.replaceAll('+', '-').replaceAll('/', '_')),
    ]),
  ];
}

/** What base64 makes of the bytes wherever they stand: of the three alignments the characters that no neighbour changes. */
function base64Forms(bytes: Buffer): string[] {
  return [0, 1, 2].map((before) => {
    const aligned = Buffer.concat([Buffer.alloc(before), bytes]);
    const whole = aligned.subarray(0, aligned.length - (aligned.length % 3)).toString('base64');
    return before === 0 ? whole : whole.slice(4);
  });
}
