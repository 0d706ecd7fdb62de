import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { findClientTools, installCommand } from '../../../lib/engines/postgres/tools.ts';

let root: string;
before(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'holdfast-tools-'));
});
after(() => rm(root, { recursive: true }));

/** A folder of programs that only know their version, as unpacked from a package of that version. */
async function toolFolder(name: string, version: string, programs = ['pg_dump', 'pg_dumpall', 'pg_restore', 'psql']) {
  const folder = path.join(root, name);
  await mkdir(folder);
  for (const program of programs) {
    const file = path.join(folder, program);
    await writeFile(file, `#!/bin/sh\necho '${program} (PostgreSQL) ${version}'\n`);
    await chmod(file, 0o755);
  }
  return folder;
}

test('the tools of exactly the major version are taken from whichever folder has them', async () => {
  const older = await toolFolder('older', '15.18 (Debian 15.18-1.pgdg12+1)');
  const right = await toolFolder('right', '17.12 (Debian 17.12-0+deb13u1)');

  const tools = await findClientTools(17, { folders: [older], elsewhere: [right] });

  assert.deepEqual(tools, {
    major: 17,
    version: '17.12',
    pgDump: path.join(right, 'pg_dump'),
    pgDumpall: path.join(right, 'pg_dumpall'),
    pgRestore: path.join(right, 'pg_restore'),
    psql: path.join(right, 'psql'),
  });
});

test('tools of another major version are refused and named', async () => {
  const newer = await toolFolder('newer', '18.1');

  const search = findClientTools(17, { folders: [newer], elsewhere: [] });

  await assert.rejects(search, {
    code: 'version-mismatch',
    message: `the server is PostgreSQL '17', and only client tools of other versions were found: 18.1 in '${newer}'`,
  });
});

test('a folder that lacks one of the programs, or mixes versions, does not count', async () => {
  const partial = await toolFolder('partial', '17.1', ['pg_dump', 'psql']);
  const mixed = await toolFolder('mixed', '17.1');
  await writeFile(path.join(mixed, 'psql'), "#!/bin/sh\necho 'psql (PostgreSQL) 16.2'\n");

  const search = findClientTools(17, { folders: [partial, mixed, path.join(root, 'absent')], elsewhere: [] });

  await assert.rejects(search, { code: 'tool-missing', exitCode: 13 });
});

test("Debian's wrapper, which picks a version by itself, does not count", async () => {
  const wrapped = await toolFolder('wrapped', '17.1');
  await rm(path.join(wrapped, 'pg_dump'));
  await writeFile(path.join(wrapped, 'pg_wrapper'), "#!/bin/sh\necho 'pg_dump (PostgreSQL) 17.1'\n", { mode: 0o755 });
  await symlink('pg_wrapper', path.join(wrapped, 'pg_dump'));

  const search = findClientTools(17, { folders: [wrapped], elsewhere: [] });

  await assert.rejects(search, { code: 'tool-missing' });
});

test('a server older than 13 or newer than 18 is refused before any tool is looked for', async () => {
  await assert.rejects(findClientTools(12, { folders: [], elsewhere: [] }), { code: 'version-mismatch' });
  await assert.rejects(findClientTools(19, { folders: [], elsewhere: [] }), { code: 'version-mismatch' });
});

test('the command that installs the tools is the one of the platform', async () => {
  const linux = (release: string) => installCommand(16, { os: 'linux', release });

  assert.equal(await installCommand(16, { os: 'darwin', release: '' }), 'brew install postgresql@16');
  assert.equal(await installCommand(16, { os: 'win32', release: '' }), 'winget install PostgreSQL.PostgreSQL.16');
  assert.equal(
    await linux('NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\n'),
    'sudo dnf install -y postgresql16, from https://yum.postgresql.org',
  );
  assert.equal(await linux('ID=alpine\n'), 'sudo apk add postgresql16-client');
  assert.match(await linux('ID=linuxmint\nID_LIKE="ubuntu debian"\n'), /apt-get install -y postgresql-client-16$/);
  assert.equal(await linux('ID=slackware\n'), 'see https://www.postgresql.org/download/linux for postgresql-client-16');
});
