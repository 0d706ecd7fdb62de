/**
 * The results of `map` over `items`, in their order, with up to `limit` of them under way while the consumer is busy with an
 * earlier one: `limit` + 1 exist at a time, whatever the length.
 *
 * `items` must be an async generator, since several `next()` wait in its queue. `stop` ends everything: the generator has to
 * watch its signal, and it is aborted when the consumer leaves early or something fails, with the first failure as reason.
 */
export async function* mapInOrder<T, R>(options: {
  readonly items: AsyncGenerator<T>;
  readonly limit: number;
  readonly map: (item: T) => Promise<R>;
  readonly stop: AbortController;
}): AsyncGenerator<R, undefined> {
  const { items, limit, map, stop } = options;
  const ahead: Promise<{ readonly value: R } | undefined>[] = [];
  const pull = () => {
    const next = items.next().then(async (item) => (item.done ? undefined : { value: await map(item.value) }));
    // A failure stops the others at once, not when its turn comes; `await` below is what reports it.
    next.catch((error) => stop.abort(error));
    ahead.push(next);
  };
  let isComplete = false;
  try {
    while (ahead.length < limit) pull();
    for (;;) {
      const result = await ahead.shift();
      if (result === undefined) break;
      pull();
      yield result.value;
    }
    isComplete = true;
    return undefined;
  } finally {
    if (!isComplete) stop.abort(new Error('the consumer left'));
    await Promise.allSettled([...ahead, items.return(undefined)]);
  }
}
