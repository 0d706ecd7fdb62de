import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DateTime, Duration, Point } from 'neo4j-driver';
import { quoteName } from '../../../../lib/engines/neo4j/script/names.ts';
import { LiteralReader } from '../../../../lib/engines/neo4j/script/read-literal.ts';
import { literalOf, propertiesLiteral } from '../../../../lib/engines/neo4j/script/write-literal.ts';
import { everyValue } from '../everything.ts';

const readBack = (literal: string): unknown => {
  const reader = new LiteralReader(literal);
  const value = reader.value();
  assert.equal(reader.at, literal.length);
  return value;
};

test('each type has a literal of its own form', () => {
  const big = (...numbers: readonly number[]) => numbers.map(BigInt) as never[];
  const moment = new DateTime(
    ...(big(2020, 10, 25, 2, 30, 0, 5) as [never, never, never, never, never, never, never]),
    7200n as never,
    'Europe/Berlin',
  );
  const span = new Duration(...(big(14, -3, 5, 9) as [never, never, never, never]));

  assert.equal(literalOf(1n), '1');
  assert.equal(literalOf(1), '1.0');
  assert.equal(literalOf(1e21), '1e21');
  assert.equal(literalOf(-0), '-0.0');
  assert.equal(literalOf(Number.NEGATIVE_INFINITY), '-Infinity');
  assert.equal(literalOf("it's\n\\u0041\u0001"), "'it\\'s\\n\\\\u0041\\u0001'");
  assert.equal(literalOf(Int8Array.from([1, -2])), '/*bytes*/[1,-2]');
  assert.equal(literalOf(moment), "datetime({epochSeconds:1603585800,nanosecond:5,timezone:'Europe/Berlin'})");
  assert.equal(literalOf(span), 'duration({months:14,days:-3,seconds:5,nanoseconds:9})');
  assert.equal(literalOf(new Point(4979n as never, 1, 2, 3)), 'point({srid:4979,x:1.0,y:2.0,z:3.0})');
});

test('a text of many megabytes is read back, be it of plain characters or of escapes', () => {
  for (const text of ['x'.repeat(32 * 1024 ** 2), "'\n\\".repeat(2 * 1024 ** 2)])
    assert.ok(readBack(literalOf(text)) === text);
  assert.throws(() => readBack("'no end\\'"), { code: 'corrupt', message: 'expected a text at character 1 of a line' });
});

test('keys are in the order of their code units, quoted, with backslashes as escapes', () => {
  assert.equal(propertiesLiteral({ b: 1n, a: 2n, '\\u0041`': 3n }), '{`\\u005cu0041```:3,`a`:2,`b`:1}');
  assert.equal(quoteName('line\nfeed'), '`line\\u000afeed`');
});

test('every value comes back as what it was, and on one line', () => {
  const literal = propertiesLiteral(everyValue);

  const again = new LiteralReader(literal).properties();

  assert.equal(literal.includes('\n'), false);
  assert.equal(propertiesLiteral(again), literal);
});

test('whatever a text, a name or a number is, it comes back', () => {
  const text = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(text, (value) => {
      assert.equal(readBack(literalOf(value)), value);
      assert.equal(new LiteralReader(quoteName(value)).name(), value);
    }),
  );
  fc.assert(fc.property(fc.double(), (value) => assert.ok(Object.is(readBack(literalOf(value)), value))));
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) =>
      assert.equal(readBack(literalOf(value)), value),
    ),
  );
});

test('a moment comes back in any year and zone', () => {
  // A day less than Neo4j's own range: an offset may not lead out of it.
  const seconds = fc.bigInt({ min: -31_557_014_135_510_400n, max: 31_556_889_832_694_399n });
  const zone = fc.constantFrom('Z', '+01:00', '-18:00', '+01:30:15', 'Europe/Berlin');
  fc.assert(
    fc.property(seconds, zone, (second, name) => {
      const literal = `datetime({epochSeconds:${second},nanosecond:7,timezone:'${name}'})`;
      assert.equal(literalOf(readBack(literal)), literal);
    }),
  );
});

test('what is no literal of a script is refused', () => {
  for (const text of [
    "'open",
    '[1,',
    '{`a`:1',
    'rand()',
    '1 + 1',
    '"double"',
    'null',
    "date('2026-13')",
    'point({srid:1})',
  ])
    assert.throws(
      () => readBack(text),
      (error: Error) => ('code' in error && error.code === 'corrupt') || error.name === 'AssertionError',
    );
  assert.throws(() => new LiteralReader('{`b`:1,`a`:2}').properties(), { code: 'corrupt' });
});

test('a type that no literal stands for is said', () => {
  assert.throws(() => literalOf(new Map()), { code: 'dump-failed', message: /'Map'/ });
});
