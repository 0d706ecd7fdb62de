import type { Environment } from '../config/environment.ts';
import { loadRuntime } from '../config/runtime.ts';
import { asHoldfastError, HoldfastError } from '../core/errors.ts';
import { createLogger, type Log } from '../observe/log.ts';
import { type RunContext, withRunContext } from './context.ts';

/**
 * The frame around a program that works until it is asked to stop: configuration from the environment, log on stdout, no deadline, one exit
 * code. `work` gets a signal that fires with SIGTERM, and must then end by itself; what it rejects with afterwards counts all the same.
 */
export async function runService(
  environment: Environment,
  work: (context: RunContext, log: Log) => Promise<void>,
): Promise<number> {
  const log = createLogger('service');
  const stop = new AbortController();
  const onStop = (): void => stop.abort(new HoldfastError('stopped', 'the service was asked to stop'));
  process.once('SIGTERM', onStop).once('SIGINT', onStop);
  try {
    const { config, image } = loadRuntime(environment);
    await withRunContext({ config, environment, image, signal: stop.signal, report: () => {} }, (context) =>
      work(context, {
        info: (message, fields = {}) => log.info(message, fields),
        warn: (message, fields = {}) => log.warn(message, fields),
        error: (message, fields = {}) => log.error(message, fields),
      }),
    );
    log.info('ended as asked');
    return 0;
  } catch (error) {
    const { code, message, hint, exitCode } = asHoldfastError(error);
    log.error(message, { code, hint });
    return exitCode;
  } finally {
    process.off('SIGTERM', onStop).off('SIGINT', onStop);
  }
}
