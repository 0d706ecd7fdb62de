import { Logger } from '@aws-lambda-powertools/logger';

/** Says what happens; `fields` stand in that line only. */
export type Log = Readonly<
  Record<'info' | 'warn' | 'error', (message: string, fields?: Readonly<Record<string, string>>) => void>
>;

/** JSON lines on stdout, the same from a Lambda and from a task. `fields` stand in every line. */
export function createLogger(service: string, fields: Readonly<Record<string, string>> = {}): Logger {
  return new Logger({ serviceName: `holdfast-${service}`, persistentKeys: fields });
}
