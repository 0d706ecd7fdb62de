import { Ansis } from 'ansis';

/**
 * Colours for a terminal and for nothing else: a build server that claims to show them would have them in every log and file. What the
 * terminal can, and NO_COLOR, is left to the library.
 */
const coloursOf = (stream: { readonly isTTY?: boolean }): Ansis => (stream.isTTY === true ? new Ansis() : new Ansis(0));

export const onStdout = coloursOf(process.stdout);
export const onStderr = coloursOf(process.stderr);
