import type { Template } from 'aws-cdk-lib/assertions';

/** A state of a definition, as far as tests look at it. */
export type AslState = {
  readonly Type: string;
  readonly Resource?: string;
  readonly Comment?: string;
  readonly TimeoutSeconds?: number;
  readonly Retry?: readonly {
    readonly ErrorEquals: readonly string[];
    readonly IntervalSeconds: number;
    readonly MaxAttempts: number;
    readonly BackoffRate: number;
    readonly MaxDelaySeconds?: number;
  }[];
  readonly Catch?: readonly { readonly ErrorEquals: readonly string[]; readonly Next: string }[];
  readonly Next?: string;
};
export type AslMachine = { readonly TimeoutSeconds: number; readonly States: Readonly<Record<string, AslState>> };

/** The definition of the state machine of that name, references to other resources replaced by plausible text. */
export function definitionOf(template: Template, name: string): AslMachine {
  const found = Object.values(template.findResources('AWS::StepFunctions::StateMachine')).find(
    ({ Properties }) => Properties.StateMachineName === name,
  );
  return JSON.parse(plain(found?.['Properties'].DefinitionString)) as AslMachine;
}

function plain(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[kind, argument] = ['', undefined]] = Object.entries(value as Record<string, unknown>);
  if (kind === 'Fn::Join') return (argument as [string, unknown[]])[1].map(plain).join('');
  if (kind === 'Ref') return argument === 'AWS::Partition' ? 'aws' : String(argument);
  if (kind === 'Fn::GetAtt') {
    const [id, attribute] = argument as [string, string];
    return attribute === 'Arn' ? `arn:aws:lambda:eu-central-1:111122223333:function:${id}` : id;
  }
  if (kind === 'Fn::ImportValue') return `subnet-${String(argument).slice(-8)}`;
  throw new TypeError(`unexpected '${kind}' in a definition`);
}
