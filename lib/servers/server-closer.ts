import type { ChildServer } from './child-server.ts';
import type { Watchdog } from './watchdog.ts';

/**
 * Ends a server by `signal`, then its watchdog, which removes the server's folder, and at last does what is `left`. However often it is
 * called, that is done once, and every caller waits for it.
 */
export function serverCloser(options: {
  readonly server: ChildServer;
  readonly signal: NodeJS.Signals;
  readonly watchdog: Watchdog;
  readonly left?: () => void;
}): () => Promise<void> {
  let closing: Promise<void> | undefined;
  return () => {
    closing ??= (async () => {
      await options.server.end(options.signal);
      await options.watchdog.release();
      options.left?.();
    })();
    return closing;
  };
}
