import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CallLog } from '../../../lib/local/call-log.ts';
import { Identities } from '../../../lib/local/identities.ts';
import { openS3Gateway } from '../../../lib/local/s3/gateway.ts';
import type { S3Server } from '../../servers/s3.ts';

/** A server as programs of a local stack see it: by an address and credentials of the stack's own. */
export type GatedServer = S3Server & { readonly calls: CallLog; readonly identities: Identities };

/** The caller whose credentials the gated server gives. */
export const gatedRole = 'arn:aws:iam::000000000000:role/writer';

/** Starts `startServer`'s server with the local stack's gateway before it. Its real credentials are in this process's environment. */
export async function behindGateway(startServer: () => Promise<S3Server>): Promise<GatedServer> {
  const server = await startServer();
  process.env['AWS_ACCESS_KEY_ID'] = server.accessKeyId;
  process.env['AWS_SECRET_ACCESS_KEY'] = server.secretAccessKey;
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-gateway-'));
  const calls = new CallLog(folder);
  const identities = new Identities();
  const { region, endpoint } = server;
  const store = { kind: 's3', region, endpoint, prefix: '', forcePathStyle: true } as const;
  const gateway = await openS3Gateway({ store, region, identities, calls });
  const { accessKeyId, secretAccessKey } = identities.issue({ kind: 'task', name: 'writer', roleArn: gatedRole });
  return {
    ...server,
    endpoint: gateway.url,
    accessKeyId,
    secretAccessKey,
    calls,
    identities,
    [Symbol.asyncDispose]: async () => {
      await gateway.close();
      await server[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
