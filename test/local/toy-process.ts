import { openToyStack, type ToyFolder } from './toy-stack.ts';

/** A stack in a process of its own, with an execution whose task hangs: to be killed. Tells its parent when the task is there. */
const [root = '', assembly = '', state = ''] = process.argv.slice(2);
const folder: ToyFolder = { root, assembly, state, [Symbol.dispose]: () => undefined };
const { stack } = await openToyStack(folder, { environment: { TOY_PIDS: `${root}/pids`, TOY_LOG: `${root}/toy.log` } });
stack.executions.listen((news) => {
  if (news.kind === 'progress' && JSON.stringify(news.progress).includes('hanging')) process.send?.('hanging');
});
const { arn } = stack.startExecution('toy-machine', { name: 'Ada', fail: '', command: ['hang'], run: {} }, 'killed');
void stack.waitFor(arn).then(({ error, cause }) => {
  console.error(`it ended before its task hung: ${error}: ${cause}`);
  process.exit(1);
});
