import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KMSClient } from '@aws-sdk/client-kms';

/** A KMS of one key that speaks Encrypt and Decrypt over HTTP, for the service has no local server. `fail` makes it refuse. */
export type KmsStandIn = AsyncDisposable & {
  readonly client: KMSClient;
  readonly keyArn: string;
  fail: { readonly status: number; readonly type: string; readonly message: string } | undefined;
};

export async function kmsStandIn(): Promise<KmsStandIn> {
  const key = randomBytes(32);
  const keyArn = 'arn:aws:kms:eu-central-1:111122223333:key/0f0f0f0f-1111-2222-3333-444444444444';
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const answer = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify(body));
    };
    if (standIn.fail !== undefined) {
      answer(standIn.fail.status, { __type: standIn.fail.type, message: standIn.fail.message });
      return;
    }
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string> & { EncryptionContext: object };
    const context = Buffer.from(JSON.stringify(Object.entries(body.EncryptionContext).sort()));
    if (request.headers['x-amz-target'] === 'TrentService.Encrypt') {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(context);
      const sealed = Buffer.concat([
        nonce,
        cipher.update(Buffer.from(body['Plaintext'] ?? '', 'base64')),
        cipher.final(),
        cipher.getAuthTag(),
      ]);
      answer(200, { KeyId: keyArn, CiphertextBlob: sealed.toString('base64') });
      return;
    }
    try {
      const sealed = Buffer.from(body['CiphertextBlob'] ?? '', 'base64');
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12), { authTagLength: 16 });
      decipher.setAAD(context).setAuthTag(sealed.subarray(-16));
      const plain = Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
      answer(200, { KeyId: keyArn, Plaintext: plain.toString('base64') });
    } catch {
      answer(400, { __type: 'InvalidCiphertextException' });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new KMSClient({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
  const standIn: KmsStandIn = {
    client,
    keyArn,
    fail: undefined,
    [Symbol.asyncDispose]: async () => {
      client.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return standIn;
}
