import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Document, OpenAPIClientAxios } from 'openapi-client-axios';
import { assertDescribed } from '../api/described.ts';
import type { OpenStack } from './stack-fixture.ts';

type Answer = {
  readonly status: number;
  readonly data: Record<string, unknown>;
  readonly headers: Record<string, string>;
};

export type ApiClient = {
  /** Calls an operation by its id; parameters of path, query and header together. */
  call(operation: string, parameters?: object, body?: unknown): Promise<Answer>;
};

/** A client made from the document that the API serves: a method for every operation. Every answer is held against that document. */
export async function apiClient({ folder, stack }: OpenStack): Promise<ApiClient> {
  const token = readFileSync(join(folder.stateDirectory, 'api-token'), 'utf8').trim();
  const base = `${stack.statusUrl}/api`;
  const response = await fetch(`${base}/openapi.json`, { headers: { authorization: `Bearer ${token}` } });
  const definition = (await response.json()) as Document;
  const api = new OpenAPIClientAxios({ definition: { ...definition, servers: [{ url: base }] } });
  const client = await api.init();
  client.defaults.headers.common['authorization'] = `Bearer ${token}`;
  client.defaults.validateStatus = () => true;
  client.interceptors.response.use((response) => {
    const { method = 'get', url = '' } = response.config;
    assertDescribed(method.toUpperCase(), new URL(url, base).pathname.replace(/^\/api/, ''), {
      status: response.status,
      contentType: String(response.headers['content-type']),
      body: response.data,
    });
    return response;
  });
  type Operation = (parameters: object, body?: unknown) => Promise<Answer>;
  const operations = client as unknown as Readonly<Record<string, Operation>>;
  return {
    call: async (name, parameters = {}, body) => {
      const operation = operations[name];
      if (operation === undefined) throw new Error(`the document has no operation '${name}'`);
      return operation(parameters, body);
    },
  };
}

/** The run of that name when it has ended. */
export async function endedRun(client: ApiClient, kind: string, name: unknown): Promise<Answer['data']> {
  for (;;) {
    const { data } = await client.call('getRun', { kind, name });
    if (data['status'] !== 'RUNNING') return data;
    await delay(100);
  }
}
