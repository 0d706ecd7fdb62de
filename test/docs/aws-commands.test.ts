import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { awsCliSays } from '../servers/aws-cli.ts';
import { commandsOf, inlineCommandsOf, wordsOf } from './command-lines.ts';

const files = ['docs/deploy.md', ...readdirSync('docs/runbooks').map((name) => `docs/runbooks/${name}`)];

test("every command of AWS's in the guide and the runbooks is one that AWS's own command line takes", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-aws-'));
  writeFileSync(join(folder, 'password.txt'), 'secret');
  const commands = files.flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    return [...commandsOf('aws', text), ...inlineCommandsOf('aws', text)].map((line) => ({ file, line }));
  });
  const lists = [...commands.map(({ line }) => wordsOf(line).slice(1)), ['kms', 'describe-key', '--key', 'x', '--odd']];

  const said = await awsCliSays(folder, lists);
  rmSync(folder, { recursive: true });

  assert.ok(commands.length > 20, String(commands.length));
  // The one command here that version 2 has and version 1, which PyPI has, has not.
  for (const [index, { file, line }] of commands.entries())
    if (line.startsWith('aws logs tail')) assert.match(line, /^aws logs tail \/aws\/lambda\/\w+ --since \d+[dh]$/);
    else assert.match(said[index] ?? '', /Could not connect to the endpoint URL/, `${file}: ${line}: ${said[index]}`);
  assert.match(said.at(-1) ?? '', /Unknown options: --odd/);
});
