import type { PostgresServer } from '../../../servers/postgres.ts';
import { session } from '../run-engine.ts';

/** Does the work while another client asks the server without rest: until nine seconds after `begun` was first called, or until the work has ended. */
export async function besideOthers<Result>(
  server: PostgresServer,
  work: (begun: () => void) => Promise<Result>,
): Promise<Result> {
  await using other = await session(server, 'postgres');
  let until = Number.POSITIVE_INFINITY;
  const asking = (async () => {
    while (performance.now() < until) await other.query('select count(*) from pg_namespace');
  })();
  const goOnFor = (seconds: number): void => {
    until = Math.min(until, performance.now() + seconds * 1000);
  };
  try {
    return await work(() => goOnFor(9));
  } finally {
    goOnFor(0);
    await asking;
  }
}
