import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, type Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { parseConfig } from '../../lib/config/load.ts';
import { Holdfast } from '../../lib/constructs/holdfast.ts';

/** A configuration with one of everything, as a user would write it. */
export const ordinary = `
store: { kind: s3 }
encryption: { keys: kms }
aws: { account: "111122223333", region: eu-central-1 }
alerts: { emails: [ops@example.com], webhook: https://hooks.example.com/holdfast }
targets:
  - name: orders
    engine: postgres
    connection: { host: db.internal, user: backup, password: { secret: prod/orders } }
    backups:
      - { tier: daily, schedule: "0 2 * * *", timezone: Europe/Berlin, retention: 7d }
      - { tier: monthly, schedule: "0 0 1 * *", timezone: Europe/Berlin, retention: 365d }
`;

/** The same, and two Neo4j servers that ECS services run, one of them on a file system. */
export const withServices = `${ordinary}
  - name: social
    engine: neo4j
    connection: { host: graph.internal, password: { secret: prod/neo4j } }
    home: /mnt/social
    mounts: [{ fileSystem: fs-0123456789abcdef0, accessPoint: fsap-0123456789abcdef0, path: /mnt/social/data }]
    service: { ecs: { cluster: graphs, service: social } }
    backups: [{ tier: weekly, method: dump, schedule: "0 2 * * 0" }]
  - name: roads
    engine: neo4j
    connection: { host: roads.internal, password: { secret: prod/roads } }
    home: /mnt/roads
    service: { ecs: { cluster: graphs, service: roads } }
`;

const outputs: string[] = [];
process.once('exit', () => {
  for (const directory of outputs) rmSync(directory, { recursive: true, force: true });
});

/**
 * The app for a configuration, without the programs' code, which templates do not depend on but for its hash, and without CloudFormation's
 * validator, which takes seconds to start, unless `validate` asks for it.
 */
export function appOf(
  configText: string = ordinary,
  { validate = false }: { readonly validate?: boolean } = {},
): { readonly app: App; readonly holdfast: Holdfast } {
  const { context } = JSON.parse(readFileSync('cdk.json', 'utf8')) as { context: Record<string, unknown> };
  const outdir = mkdtempSync(join(tmpdir(), 'holdfast-synth-'));
  outputs.push(outdir);
  const app = new App({
    outdir,
    context: { ...context, 'aws:cdk:bundling-stacks': [] },
    analyticsReporting: false,
    builtinCloudFormationValidation: validate,
  });
  const config = parseConfig(configText, { file: 'holdfast.yaml', directory: '/project', environment: {} });
  return { app, holdfast: new Holdfast(app, 'Holdfast', { config }) };
}

type Templates = Readonly<Record<'vault' | 'catalog' | 'runtime' | 'watch', Template>>;
const made = new Map<string, Templates>();

/** The four templates of a configuration: the same ones, which nobody changes, each time that this process asks for them. */
export function templatesOf(configText: string = ordinary): Templates {
  const templates = made.get(configText) ?? makeTemplates(configText);
  made.set(configText, templates);
  return templates;
}

function makeTemplates(configText: string): Templates {
  const { holdfast } = appOf(configText);
  const of = (stack: Stack): Template => {
    const template = Template.fromStack(stack);
    deepFreeze(template.toJSON());
    return template;
  };
  if (holdfast.vault === undefined) throw new Error('this configuration makes no vault');
  return {
    vault: of(holdfast.vault),
    catalog: of(holdfast.catalog),
    runtime: of(holdfast.runtime),
    watch: of(holdfast.watch),
  };
}

function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  Object.freeze(value);
  for (const part of Object.values(value)) deepFreeze(part);
}

/** A statement of a role's policy, with its lists made lists. */
export type Statement = {
  readonly Sid: string;
  readonly Effect: string;
  readonly Action: readonly string[];
  readonly Resource: readonly unknown[];
  readonly Condition?: unknown;
};

/** All statements of the policies of roles whose logical id begins with `role`. */
export function statementsOf(template: Template, role: string): Statement[] {
  return Object.values(template.findResources('AWS::IAM::Policy')).flatMap(({ Properties }) => {
    const belongs = (Properties.Roles as { Ref: string }[]).some(({ Ref }) => Ref.startsWith(role));
    if (!belongs) return [];
    return (Properties.PolicyDocument.Statement as Statement[]).map((statement) => ({
      ...statement,
      Action: [statement.Action].flat(),
      Resource: [statement.Resource].flat(),
    }));
  });
}
