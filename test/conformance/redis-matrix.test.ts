import { fillWithEverything } from '../engines/redis/everything.ts';
import { redisServer } from '../servers/redis.ts';
import { type MatrixSubject, matrixSuite } from './matrix-suite.ts';

for (const format of ['rdb', 'json', 'aof'] as const)
  matrixSuite('redis-8', { method: 'snapshot', format }, redisSubject);

async function redisSubject(): Promise<MatrixSubject> {
  await using stack = new AsyncDisposableStack();
  const source = stack.use(await redisServer('redis-8'));
  const destination = stack.use(await redisServer('redis-8'));
  await fillWithEverything(source, 'redis-8');
  const writer = stack.use(await source.connect());
  const target = (name: string, { port }: { readonly port: number }): string =>
    `  - { name: ${name}, engine: redis, connection: { host: 127.0.0.1, port: ${port}, sslmode: disable } }\n`;
  const kept = stack.move();
  let written = 0;
  return {
    targets: target('source', source) + target('destination', destination),
    async write() {
      await writer.ask(['SET', `written ${++written % 100}`, String(written)]);
    },
    async empty() {
      await destination.ask('FLUSHALL');
      await destination.ask('FUNCTION', 'FLUSH');
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
