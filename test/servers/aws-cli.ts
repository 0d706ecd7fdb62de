import { spawnSync } from 'node:child_process';
import { ensureAwsCli } from '../../scripts/servers/aws-cli.ts';

/** Runs AWS's own command line on each list of words, with nobody to talk to, and prints what it said to each. */
const program = `
import contextlib, io, json, sys
from awscli.clidriver import create_clidriver
said = []
for words in json.load(sys.stdin):
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            create_clidriver().main([*words, '--endpoint-url', 'http://127.0.0.1:9', '--region', 'eu-central-1'])
        except SystemExit:
            pass
    said.append(out.getvalue())
json.dump(said, sys.stdout)
`;

/** What AWS's own command line, in that folder, says to each list of words when it reaches nobody. */
export async function awsCliSays(folder: string, lists: readonly (readonly string[])[]): Promise<readonly string[]> {
  const { stdout, stderr } = spawnSync(await ensureAwsCli(() => {}), ['-c', program], {
    cwd: folder,
    input: JSON.stringify(lists),
    encoding: 'utf8',
    env: { AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'x', AWS_MAX_ATTEMPTS: '1', HOME: folder },
  });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as readonly string[];
}
