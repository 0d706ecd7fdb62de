import type { TestedServer } from '../../../scripts/servers/redis.ts';
import type { RedisServer } from '../../servers/redis.ts';
import { run } from './run-engine.ts';

const many = (count: number, make: (index: number) => string): string[] =>
  Array.from({ length: count }, (_, index) => make(index));
const library = "#!lua name=everything\nredis.register_function('answer', function() return 42 end)";

/** A moment that no test reaches. */
export const farAway = 1_999_999_999_999;

/**
 * Fills a server with every type in every form that a server gives it, with names and values that have broken something somewhere, expiries,
 * functions, and a second database. Servers that know it have fields that run out.
 */
export async function fillWithEverything(server: RedisServer, which: TestedServer): Promise<void> {
  const hasFieldExpiry = which !== 'redis-7.0';
  await run(server, [
    // Strings: plain, integers, compressed, binary, empty, bitmaps, HyperLogLogs.
    ['SET', 'plain', 'value'],
    ['SET', 'zero', '0'],
    ['SET', 'byte', '-128'],
    ['SET', 'short', '32767'],
    ['SET', 'int', '-2147483648'],
    ['SET', 'long', '9223372036854775807'],
    ['SET', 'almost', '007'],
    ['SET', 'compressed', 'abc'.repeat(5000)],
    ['SET', 'empty', ''],
    ['SET', Buffer.from([0, 255, 10, 13, 34, 92]), Buffer.from([255, 254, 0])],
    ['SET', '', 'a key without a name'],
    ['SET', 'ключ "x"\n\\', 'ü€😀\u2028'],
    ['SETBIT', 'bitmap', 100_000, 1],
    ['PFADD', 'hyperloglog', ...many(100, (index) => `visitor ${index}`)],
    ['SET', 'expiring', 'soon', 'PXAT', farAway],
    // Lists: one node, many, and elements too large for any.
    ['RPUSH', 'list', 'a', 'b', '', '1', '-500', '70000', '-9000000000', 'x'.repeat(300)],
    ['RPUSH', 'long list', ...many(5000, (index) => `item ${index}`)],
    ['RPUSH', 'large elements', 'y'.repeat(20_000), 'z'.repeat(9000), 'small'],
    // Sets: of integers of each size, small, and large.
    ['SADD', 'integers', '1', '-2', '3'],
    ['SADD', 'larger integers', '1', '100000'],
    ['SADD', 'largest integers', '1', '-9000000000000'],
    ['SADD', 'set', 'a', '', '12', Buffer.from([255])],
    ['SADD', 'large set', ...many(3000, (index) => `member ${index}`)],
    // Sorted sets: every kind of score.
    ['ZADD', 'sorted', '1.5', 'a', '-inf', 'b', 'inf', 'c', '3', 'd', '1e300', 'e', '0.1', 'f', '-0', 'g'],
    [
      'ZADD',
      'large sorted',
      ...many(2000, (index) => String(index / 7)).flatMap((score, index) => [score, `m${index}`]),
    ],
    ['GEOADD', 'places', '13.361389', '38.115556', 'Palermo', '15.087269', '37.502669', 'Catania'],
    // Hashes.
    ['HSET', 'hash', 'field', 'value', '', '', '1', '2', Buffer.from([0]), Buffer.from([200])],
    ['HSET', 'large hash', ...many(2000, (index) => `field ${index}`).flatMap((name) => [name, name.repeat(3)])],
    ['HSET', 'running out', 'stays', '1', 'goes', '2', 'goes too', '3'],
    ['HSET', 'large running out', ...many(2000, (index) => `field ${index}`).flatMap((name) => [name, 'v'])],
    ['PEXPIREAT', 'large sorted', farAway],
    // Streams: fields that differ, deletions, trimming, groups, consumers, pending entries, and none of all.
    ['XADD', 'stream', '1-1', 'a', '1', 'b', '2'],
    ['XADD', 'stream', '1-2', 'a', '3', 'b', '4'],
    ['XADD', 'stream', '5-0', 'other', 'fields', '', ''],
    ['XADD', 'stream', '5-1', 'a', '5'],
    ['XADD', 'stream', '6-18446744073709551615', 'a', Buffer.from([250])],
    ['XDEL', 'stream', '5-1'],
    ['XGROUP', 'CREATE', 'stream', 'readers', '0'],
    ['XREADGROUP', 'GROUP', 'readers', 'first', 'COUNT', 2, 'STREAMS', 'stream', '>'],
    ['XREADGROUP', 'GROUP', 'readers', 'second', 'COUNT', 1, 'STREAMS', 'stream', '>'],
    ['XACK', 'stream', 'readers', '1-1'],
    ['XGROUP', 'CREATECONSUMER', 'stream', 'readers', 'idle'],
    ['XGROUP', 'CREATE', 'stream', 'at the end', '$'],
    ...many(300, (index) => String(index)).map((index) => [
      'XADD',
      'long stream',
      `${Number(index) + 1}-0`,
      'n',
      index,
    ]),
    ['XTRIM', 'long stream', 'MAXLEN', 150],
    ['XGROUP', 'CREATE', 'empty stream', 'readers', '$', 'MKSTREAM'],
    ['XADD', 'emptied stream', '7-7', 'a', 'b'],
    ['XDEL', 'emptied stream', '7-7'],
    ['FUNCTION', 'LOAD', library],
    ...(hasFieldExpiry
      ? [
          ['HPEXPIREAT', 'running out', farAway, 'FIELDS', 2, 'goes', 'goes too'],
          ['HPEXPIREAT', 'large running out', farAway + 1000, 'FIELDS', 2, 'field 1', 'field 1999'],
          ['HPEXPIREAT', 'large running out', farAway, 'FIELDS', 1, 'field 7'],
        ]
      : []),
  ]);
  await run(server, [['SET', 'elsewhere', 'value', 'PXAT', farAway]], 5);
}
