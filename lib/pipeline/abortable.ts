/**
 * What `promise` gives, or a rejection with the signal's reason as soon as that fires. The promise itself goes on; a later
 * rejection of it is of no interest to anyone and is swallowed.
 *
 * Not `Promise.race`: that would leave a reaction on the signal's promise for every chunk of a stream.
 */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    const done = () => signal.removeEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    promise.then(
      (value) => {
        done();
        resolve(value);
      },
      (error) => {
        done();
        reject(error);
      },
    );
  });
}
