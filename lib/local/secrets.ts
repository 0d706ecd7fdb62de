import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { AwsError } from './aws-error.ts';
import { asJsonObject } from './json.ts';
import type { LocalSecret } from './model.ts';
import { localAccount } from './resources/resource.ts';

/**
 * Secrets by name or ARN: those of the templates, and any other that the operator put into the folder `secrets` of the state folder,
 * one file for each (`secrets/prod/orders` for `prod/orders`). A generated secret is a file there too, made at its first use.
 */
export class Secrets {
  readonly #folder: string;
  readonly #secrets: readonly LocalSecret[];

  readonly #region: string;

  constructor(options: {
    readonly secrets: readonly LocalSecret[];
    readonly region: string;
    readonly stateDirectory: string;
  }) {
    const { secrets, region, stateDirectory } = options;
    this.#secrets = secrets;
    this.#region = region;
    this.#folder = join(stateDirectory, 'secrets');
  }

  /** The secret's value with its names. Throws `ResourceNotFoundException`. */
  get(nameOrArn: string): { readonly name: string; readonly arn: string; readonly text: string } {
    // An ARN that a program was given may lack the six characters at its end.
    const declared = this.#secrets.find(
      ({ name, arn }) => name === nameOrArn || arn === nameOrArn || arn.slice(0, -7) === nameOrArn,
    );
    const name = declared?.name ?? nameOrArn.replace(/^arn:aws:secretsmanager:[^:]*:\d*:secret:/, '');
    const arn = declared?.arn ?? this.#arnOf(nameOrArn);
    if (declared?.value.kind === 'literal') return { name, arn, text: declared.value.text };
    const file = join(this.#folder, normalize(`/${name}`));
    if (declared?.value.kind === 'generated' && !existsSync(file)) {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      const password = randomBytes(declared.value.length).toString('hex').slice(0, declared.value.length);
      const value = { ...asJsonObject(JSON.parse(declared.value.template)), [declared.value.key]: password };
      writeFileSync(file, JSON.stringify(value), { mode: 0o600, flag: 'wx' });
    }
    if (!existsSync(file))
      throw new AwsError(
        'ResourceNotFoundException',
        `the local stack has no secret '${name}': put its value into the file '${file}'`,
      );
    return { name, arn, text: readFileSync(file, 'utf8').replace(/\r?\n$/, '') };
  }

  /** With six characters at its end, as Secrets Manager makes ARNs. */
  #arnOf(nameOrArn: string): string {
    if (nameOrArn.startsWith('arn:')) return nameOrArn;
    return `arn:aws:secretsmanager:${this.#region}:${localAccount}:secret:${nameOrArn}-local1`;
  }
}
