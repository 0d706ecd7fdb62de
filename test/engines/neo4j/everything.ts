import { DateTime, Duration, LocalDateTime, LocalTime, Date as PlainDate, Point, Time } from 'neo4j-driver';
import { type Neo4jServer, quoted } from '../../servers/neo4j.ts';

/** One of the driver's values; its types do not say that whole numbers may be bigints. */
const make = <Value>(type: new (...fields: never[]) => Value, ...fields: readonly (number | string)[]): Value =>
  new type(...(fields.map((field) => (typeof field === 'number' ? BigInt(field) : field)) as never[]));

/** A value of every type that a property of the Community edition can have, and the ends of their ranges. */
export const everyValue: Readonly<Record<string, unknown>> = {
  yes: true,
  no: false,
  zero: 0n,
  largest: 9223372036854775807n,
  smallest: -9223372036854775808n,
  beyondDouble: 9007199254740993n,
  whole: 1,
  half: 0.5,
  negativeZero: -0,
  huge: 1.7976931348623157e308,
  tiny: 5e-324,
  exponent: 1e21,
  nan: Number.NaN,
  infinity: Number.POSITIVE_INFINITY,
  negativeInfinity: Number.NEGATIVE_INFINITY,
  text: 'it\'s a "text" with \\ and \\u0041 and `',
  lines: 'a\nb\r\nc\td\b\f\u0000\u001f\u007f\u0085\u2028\u2029\ufeff',
  unicode: 'Grüße, 世界, 🦊, e\u0301',
  empty: '',
  looksLikeCypher: "'}); MATCH (n) DETACH DELETE n; //",
  looksLikeRows: '\n] AS row CREATE (n);\n',
  bytes: Int8Array.from([0, 1, -1, 127, -128]),
  noBytes: new Int8Array(0),
  texts: ['a', '', "b'c"],
  integers: [1n, -2n, 9223372036854775807n],
  floats: [1, 0.1, Number.NaN, -0, Number.NEGATIVE_INFINITY],
  booleans: [true, false],
  nothing: [],
  date: make(PlainDate, 2026, 11, 21),
  dateBefore: make(PlainDate, -5, 2, 28),
  dateLast: make(PlainDate, 999999999, 12, 31),
  dateFirst: make(PlainDate, -999999999, 1, 1),
  dates: [make(PlainDate, 2026, 11, 21)],
  localTime: make(LocalTime, 23, 59, 59, 999999999),
  midnight: make(LocalTime, 0, 0, 0, 0),
  time: make(Time, 12, 0, 0, 1, -3600),
  timeOfOddZone: make(Time, 12, 0, 0, 0, 5415),
  localDateTime: make(LocalDateTime, 2026, 11, 21, 2, 0, 0, 5),
  localDateTimeLast: make(LocalDateTime, 999999999, 12, 31, 23, 59, 59, 999999999),
  dateTime: make(DateTime, 2026, 11, 21, 2, 0, 0, 0, 3600),
  dateTimeUtc: make(DateTime, 1969, 12, 31, 23, 59, 59, 999999999, 0),
  // Half past two came twice on that day in Berlin.
  dateTimeFirstOfTwo: make(DateTime, 2020, 10, 25, 2, 30, 0, 0, 7200, 'Europe/Berlin'),
  dateTimeSecondOfTwo: make(DateTime, 2020, 10, 25, 2, 30, 0, 0, 3600, 'Europe/Berlin'),
  dateTimeOfOldZone: make(DateTime, 1850, 1, 1, 0, 0, 0, 0, 3208, 'Europe/Berlin'),
  duration: make(Duration, 14, -3, 5, 999999999),
  durationBackwards: make(Duration, 0, 0, -1, 1),
  pointOnEarth: new Point(4326, 13.4, 52.5),
  pointAboveEarth: new Point(4979, 13.4, 52.5, 100),
  pointFlat: new Point(7203, -0, 1e300),
  pointInSpace: new Point(9157, 1, 2, 3),
  points: [new Point(7203, 1, 2), new Point(7203, 3, 4)],
  "an odd `name` with \\u0041, \\\\, ' and \n": 1n,
  'naïve 世界': 2n,
};

/** Names that a statement has to quote with care. */
export const oddLabels = ['a b', 'with `quotes`', 'back\\slash', '\\u0041', 'line\nfeed', '世界', "it's", '; DROP'];

/** Fills an empty database with one of everything, and with so many people of whom each knows the next. */
export async function createEverything(server: Neo4jServer, { people = 3000 } = {}): Promise<void> {
  const labels = oddLabels.map((label) => `:${quoted(label)}`).join('');
  await server.run('CREATE (:Everything)');
  await server.run('MATCH (n:Everything) SET n += $values', { values: everyValue });
  await server.run("MATCH (n:Everything) SET n.`__proto__` = 'polluted'");
  await server.run(`CREATE (${labels} {name: 'odd'})`);
  await server.run('CREATE (), ({name: "nameless"}), (:A:B {n: 1}), (:B:A {n: 2}), (:A {n: 3}), (:A {n: 3})');
  await server.run(
    `MATCH (a:A:B {n: 1}), (b:A:B {n: 2}) CREATE (a)-[:KNOWS]->(b), (a)-[:KNOWS]->(b), (a)-[:KNOWS {since: 1}]->(b), (b)-[:KNOWS]->(a), (a)-[:KNOWS]->(a)`,
  );
  await server.run(
    `MATCH (a:A:B {n: 1}), (e:Everything) CREATE (a)-[r:${quoted('odd `type`\n\\u0041')}]->(e) SET r = properties(e)`,
  );
  await server.run(
    `UNWIND range(1, ${people}) AS i CREATE (p:Person {id: i, name: "person " + i, born: date("1970-01-01") + duration({days: i})})`,
  );
  await server.run(`MATCH (a:Person), (b:Person {id: a.id % ${people} + 1}) CREATE (a)-[:NEXT {n: a.id}]->(b)`);
  for (const statement of definitions) await server.run(statement);
  await server.run('CALL db.awaitIndexes(300)');
}

/** A constraint and an index of every kind that the Community edition has. */
export const definitions = [
  'CREATE CONSTRAINT person_id FOR (n:Person) REQUIRE n.id IS UNIQUE',
  'CREATE CONSTRAINT person_pair FOR (n:Person) REQUIRE (n.id, n.name) IS UNIQUE',
  'CREATE CONSTRAINT next_n FOR ()-[r:NEXT]-() REQUIRE r.n IS UNIQUE',
  'CREATE RANGE INDEX born FOR (n:Person) ON (n.born)',
  'CREATE RANGE INDEX pair FOR (n:Person) ON (n.born, n.name)',
  'CREATE RANGE INDEX since FOR ()-[r:KNOWS]-() ON (r.since)',
  'CREATE TEXT INDEX name_text FOR (n:Person) ON (n.name)',
  'CREATE POINT INDEX place FOR (n:Everything) ON (n.pointFlat) OPTIONS {indexConfig: {`spatial.cartesian.min`: [-100.0, -100.0], `spatial.cartesian.max`: [100.0, 100.0]}}',
  "CREATE FULLTEXT INDEX words FOR (n:Person|Everything) ON EACH [n.name, n.text] OPTIONS {indexConfig: {`fulltext.analyzer`: 'english', `fulltext.eventually_consistent`: true}}",
  'CREATE FULLTEXT INDEX edge_words FOR ()-[r:KNOWS|NEXT]-() ON EACH [r.note]',
  "CREATE VECTOR INDEX embedding FOR (n:Everything) ON (n.floats) OPTIONS {indexConfig: {`vector.dimensions`: 5, `vector.similarity_function`: 'cosine'}}",
  'CREATE RANGE INDEX `odd ``name`` \\u005cu0041` FOR (n:`a b`) ON (n.`p q`)',
];
