import { Client } from 'pg';
import type { LocalDatabase } from './model.ts';

/** Programs in a database speak to the stack on this channel: the payload is the name of the schedule to fire now. */
const channel = 'holdfast';

const retryMs = 5_000;

/**
 * Listens on a database until the returned function is called. `onOpen` is called at each beginning, for what was said while nobody listened.
 * A connection that is lost is opened again; `onProblem` is told of that once, and with undefined when it is over.
 */
export function listenTo(
  database: Pick<LocalDatabase, 'socketFolder' | 'port' | 'databaseName'>,
  {
    onOpen,
    onNotification,
    onProblem,
  }: {
    readonly onOpen: () => void;
    readonly onNotification: (payload: string) => void;
    readonly onProblem: (problem: string | undefined) => void;
  },
): () => Promise<void> {
  let client: Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  const lost = (why: string): void => {
    if (isClosed) return;
    onProblem(`requests in database '${database.databaseName}' are not heard at once: ${why}`);
    clearTimeout(timer);
    timer = setTimeout(() => void open(), retryMs);
    timer.unref();
  };
  const open = async (): Promise<void> => {
    const opened = new Client({
      host: database.socketFolder,
      port: database.port,
      user: 'postgres',
      database: database.databaseName,
      application_name: 'holdfast-local-stack',
    });
    client = opened;
    opened.on('error', (error) => lost(error.message));
    opened.on('notification', ({ payload }) => onNotification(payload ?? ''));
    try {
      await opened.connect();
      await opened.query(`listen ${channel}`);
      onProblem(undefined);
      onOpen();
    } catch (error) {
      await opened.end().catch(() => undefined);
      lost(error instanceof Error ? error.message : String(error));
    }
  };
  void open();
  return async () => {
    isClosed = true;
    clearTimeout(timer);
    await client?.end().catch(() => undefined);
  };
}
