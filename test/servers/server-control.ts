import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Commands that stop and start a server of this process, as a service manager's would. */
export type ServerControl = AsyncDisposable & {
  readonly commands: { readonly stop: readonly string[]; readonly start: readonly string[] };
  /** What it was told, in order. */
  readonly told: string[];
  /** Refuses to start the server. @default false */
  isStartRefused: boolean;
  /** Does as it is told. @default true; false: notes it, where nothing depends on the server */
  isObeyed: boolean;
  /** Resolves when nothing that it was told is under way. */
  settled(): Promise<void>;
};

/** The commands ask this process, whose server it is. */
export async function serverControl(server: { stop(): Promise<void>; start(): Promise<void> }): Promise<ServerControl> {
  const told: string[] = [];
  let underWay: Promise<void> = Promise.resolve();
  const listener = createServer((asked, answer) => {
    const what = asked.url?.slice(1) ?? '';
    told.push(what);
    const obey = async (): Promise<void> => {
      if (control.isStartRefused && what === 'start') throw new Error('refused');
      if (control.isObeyed) await (what === 'stop' ? server.stop() : server.start());
    };
    underWay = obey().then(
      () => void answer.end(),
      () => void answer.writeHead(500).end(),
    );
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const command = (what: string): readonly string[] => [
    ...['curl', '--silent', '--fail'],
    `http://127.0.0.1:${port}/${what}`,
  ];
  const control: ServerControl = {
    commands: { stop: command('stop'), start: command('start') },
    told,
    isStartRefused: false,
    isObeyed: true,
    settled: () => underWay,
    async [Symbol.asyncDispose]() {
      listener.close();
      listener.closeAllConnections();
    },
  };
  return control;
}
