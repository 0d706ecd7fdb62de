import type { Command } from 'commander';
import { createProgram } from '../../lib/cli/program.ts';
import { verbs } from '../../lib/cli/verbs.ts';

/** The lines of a document's shell blocks, continued ones as one, without comments. */
export const shellLines = (text: string): string[] =>
  [...text.matchAll(/^( *)```sh\n(.*?)^ *```$/gms)]
    .flatMap(([, , block = '']) => block.replaceAll(/\\\n\s*/g, '').split('\n'))
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '');

/** Every command of that program in shell blocks. */
export function commandsOf(program: string, text: string): string[] {
  const command = new RegExp(`(?:^|\\$\\(|&& |; |\\()((?:npx )?${program} (?:"[^"]*"|'[^']*'|[^"'|;&)<>])*)`, 'g');
  return shellLines(text).flatMap((line) => [...line.matchAll(command)].map(withoutNpx));
}

/** Every command of that program as code in a sentence, where nothing is left out. */
export function inlineCommandsOf(program: string, text: string): string[] {
  const command = new RegExp(`\`((?:npx )?${program} [^\`…]*)\``, 'g');
  return [...text.replaceAll(/^ *```.*?^ *```$/gms, '').matchAll(command)].map(withoutNpx);
}

const withoutNpx = ([, line = '']: RegExpMatchArray): string => line.replace(/^npx /, '').trim();

/** The words of a command line, as a shell would take them apart. */
export const wordsOf = (line: string): string[] =>
  [...line.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([word]) => word.replaceAll(/["']/g, ''));

/** Says what is wrong with a command line of ours, as the command line's own parser sees it; undefined when it would run. */
export function complaint(line: string): string | undefined {
  const [, ...words] = wordsOf(line);
  if (words.join(' ') === '--help') return undefined;
  let command: Command = createProgram();
  for (let known = verbs; command.commands.length > 0; ) {
    const inner = known.find(({ usage }) => usage.split(' ')[0] === words[0]);
    const chosen = inner ?? known.find(({ isDefault }) => isDefault === true);
    const next = command.commands.find((candidate) => candidate.name() === chosen?.usage.split(' ')[0]);
    if (next === undefined) return 'there is no such verb';
    if (inner !== undefined) words.shift();
    command = next;
    known = chosen?.verbs ?? [];
  }
  const { operands, unknown } = command.parseOptions(words);
  if (unknown.length > 0) return `unknown option ${unknown.join(' ')}`;
  const required = command.registeredArguments.filter((argument) => argument.required).length;
  if (operands.length < required || operands.length > command.registeredArguments.length)
    return `takes other arguments: ${command.usage()}`;
  return undefined;
}
