import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScriptInspector } from '../../../../lib/engines/postgres/script/script-inspector.ts';

const head = `--
-- PostgreSQL database dump
--

\\restrict Key1

-- Dumped from database version 17.12 (Debian 17.12-0+deb13u1)
-- Dumped by pg_dump version 17.12 (Debian 17.12-0+deb13u1)

SET client_encoding = 'UTF8';
SELECT pg_catalog.set_config('search_path', '', false);

`;
const tail = `--
-- PostgreSQL database dump complete
--

\\unrestrict Key1

`;

/** A function whose body holds everything that looks like something else, and a table with an odd name. */
const middle = `--
-- Name: trap(); Type: FUNCTION; Schema: public; Owner: o
--

CREATE FUNCTION public.trap() RETURNS text
    LANGUAGE sql
    AS $_$
COPY public.fake (id) FROM stdin;
1
\\.
-- Name: fake; Type: TABLE; Schema: public; Owner: o
select 'x;' || $1 -- ' "
$_$;

--
-- Name: odd; Type: TABLE; Schema: public; Owner: o
--

CREATE TABLE public."o""d.d
;x" (
    "a$b$c" text DEFAULT E'\\\\'''::text
);

--
-- Data for Name: odd; Type: TABLE DATA; Schema: public; Owner: o
--

COPY public."o""d.d
;x" ("a$b$c") FROM stdin;
abc
'; $$ "
\\\\.
\\.


--
-- Name: 4711; Type: BLOB; Schema: -; Owner: o
--

SELECT pg_catalog.lo_create('4711');
BEGIN;

SELECT pg_catalog.lo_open('4711', 131072);
SELECT pg_catalog.lowrite(0, '\\x6162');
SELECT pg_catalog.lowrite(0, '\\x63');
SELECT pg_catalog.lo_close(0);

COMMIT;

`;

function inspect(script: string, chunkBytes = 1 << 20) {
  const inspector = new ScriptInspector();
  const bytes = Buffer.from(script);
  for (let at = 0; at < bytes.length; at += chunkBytes) inspector.write(bytes.subarray(at, at + chunkBytes));
  return inspector.end();
}

test('rows, large objects and definitions are told apart, however the bytes are split', () => {
  for (const chunkBytes of [1, 2, 3, 7, 64, 1 << 20]) {
    const { content, facts } = inspect(head + middle + tail, chunkBytes);

    assert.deepEqual(
      content.tables.map(({ schema, name, rows, bytes }) => ({ schema, name, rows, bytes })),
      [{ schema: 'public', name: 'o"d.d\n;x', rows: 3, bytes: 16 }],
    );
    assert.deepEqual([content.largeObjects?.rows, content.largeObjects?.bytes], [1, 3]);
    assert.deepEqual(content.definitions?.counts, { BLOB: 1, FUNCTION: 1, TABLE: 1, 'TABLE DATA': 1 });
    assert.equal(facts.serverVersion, '17.12 (Debian 17.12-0+deb13u1)');
    assert.equal(facts.entries, 4);
  }
});

test('the digests depend on what the script says, and not on how its bytes came', () => {
  const digest = inspect(head + middle + tail).content.definitions?.digest;

  assert.equal(inspect(head + middle + tail, 5).content.definitions?.digest, digest);
  assert.notEqual(
    inspect(head + middle.replace('DEFAULT', 'NOT NULL DEFAULT') + tail).content.definitions?.digest,
    digest,
  );
});

test('a script is whole only with its last line and its guard closed', () => {
  const whole = head + middle + tail;
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => inspect(whole.slice(0, length)), { code: 'dump-incomplete' }, `cut at ${length}`);
  }
});

test('older scripts without the guard are whole with their last line', () => {
  const script = (head + middle + tail).replaceAll(/\\(un)?restrict .*\n/g, '').slice(0, -1);

  assert.equal(inspect(script).content.tables[0]?.rows, 3);
});

test('a command of psql that pg_dump would not write is refused: a name may have been made to smuggle it in', () => {
  assert.throws(() => inspect(`${head}\\! touch /tmp/x\n${tail}`), {
    code: 'corrupt',
    message: /expected SQL, found the command '\\\\! touch \/tmp\/x' of psql/,
  });
  assert.throws(() => inspect(`${head}SELECT 1 \\! touch /tmp/x\n;${tail}`), { code: 'corrupt' });
  assert.throws(() => inspect(head + tail.replace('Key1', 'Key2')), { code: 'corrupt' });
  assert.throws(() => inspect(`${head}${tail}SELECT 1;\n\n`), { code: 'corrupt' });
});
