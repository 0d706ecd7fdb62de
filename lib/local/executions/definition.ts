import { HoldfastError } from '../../core/errors.ts';
import { asJsonObject, isJsonObject, type Json, type JsonObject } from '../json.ts';
import type { LocalMachine } from '../model.ts';
import { tokenMark } from './task-tokens.ts';

/** A Task state, wherever it is nested. */
export type TaskState = {
  readonly name: string;
  readonly resource: string;
  readonly timeoutSeconds: number;
  /** Of a state that waits for an answer: it has to be heard of so often. */
  readonly heartbeatSeconds?: number;
};

/** A definition that the interpreter can run with the meaning that Step Functions gives it. */
export type PreparedDefinition = { readonly definition: JsonObject; readonly tasks: readonly TaskState[] };

/**
 * The longest time that a timer of Node.js can wait. Step Functions' own default for a state without a timeout is
 * 99,999,999 seconds, the interpreter's is 60.
 */
const longestTimeoutSeconds = 2_147_483;

/** Fields that Step Functions knows and the interpreter would pass over in silence. */
const fieldsNotPlayed = [
  'Assign',
  'Credentials',
  'HeartbeatSeconds',
  'HeartbeatSecondsPath',
  'ItemBatcher',
  'ItemReader',
  'ResultWriter',
  'TimeoutSecondsPath',
  'ToleratedFailureCount',
  'ToleratedFailurePercentage',
];

/**
 * `machine`'s definition with what the interpreter lacks filled in: timeouts, `$$.State.Name`, and a context object that
 * is also right inside branches and after a redrive (it is passed as `$$.Run`, since the interpreter writes its own
 * `$$.Execution`). Throws `assembly-unsupported` at what cannot be played.
 */
export function prepareDefinition(machine: LocalMachine): PreparedDefinition {
  const tasks: TaskState[] = [];
  const refuse = (where: string, what: string): HoldfastError =>
    new HoldfastError('assembly-unsupported', `state machine '${machine.name}', ${where}: ${what}`);

  const prepareMachine = (definition: JsonObject): JsonObject => {
    if (definition['QueryLanguage'] === 'JSONata') throw refuse('definition', "only 'JSONPath' is understood here");
    const states = Object.entries(asJsonObject(definition['States']));
    return {
      ...definition,
      ...(definition['TimeoutSeconds'] === undefined ? {} : { TimeoutSeconds: bounded(definition['TimeoutSeconds']) }),
      States: Object.fromEntries(states.map(([name, state]) => [name, prepareState(name, asJsonObject(state))])),
    };
  };

  const prepareState = (name: string, state: JsonObject): JsonObject => {
    const isCallback = String(state['Resource']).endsWith('.waitForTaskToken');
    const field = fieldsNotPlayed.find(
      (candidate) => candidate in state && !(isCallback && candidate === 'HeartbeatSeconds'),
    );
    if (field !== undefined) throw refuse(`state '${name}'`, `the field '${field}' is not played here`);
    if (state['QueryLanguage'] === 'JSONata') throw refuse(`state '${name}'`, "only 'JSONPath' is understood here");
    if (!isCallback && JSON.stringify(withoutBranches(state)).includes('$$.Task'))
      throw refuse(`state '${name}'`, "the context object has no '$$.Task.Token' here");
    const prepared = asJsonObject(rewritePaths(withoutBranches(state), name));
    if (state['Type'] === 'Task') {
      const timeoutSeconds = bounded(state['TimeoutSeconds'] ?? longestTimeoutSeconds);
      const heartbeat = state['HeartbeatSeconds'];
      tasks.push({
        name,
        resource: String(state['Resource']),
        timeoutSeconds,
        ...(heartbeat === undefined ? {} : { heartbeatSeconds: bounded(heartbeat) }),
      });
      return { ...prepared, TimeoutSeconds: timeoutSeconds };
    }
    const branches = state['Branches'];
    if (Array.isArray(branches))
      return { ...prepared, Branches: branches.map((branch: Json) => prepareMachine(asJsonObject(branch))) };
    const iterator = state['ItemProcessor'] ?? state['Iterator'];
    if (!isJsonObject(iterator)) return prepared;
    if (asJsonObject(iterator['ProcessorConfig'])['Mode'] === 'DISTRIBUTED')
      throw refuse(`state '${name}'`, 'distributed maps are not played here');
    const { ProcessorConfig: _, ...processor } = iterator;
    return { ...prepared, ItemProcessor: prepareMachine(processor) };
  };

  const rewritePaths = (value: Json, state: string): Json => {
    if (typeof value === 'string') return value.includes('$$') ? rewritePath(value, state) : value;
    if (Array.isArray(value)) return value.map((item: Json) => rewritePaths(item, state));
    if (!isJsonObject(value)) return value;
    const entries = Object.entries(value).map(([key, inner]): [string, Json] => {
      // A path that is nothing but the state's name becomes that name, for which the key may not end in `.$`.
      if (key.endsWith('.$') && inner === '$$.State.Name') return [key.slice(0, -2), state];
      if (key.endsWith('.$') && inner === '$$.Task.Token') return [key.slice(0, -2), tokenMark];
      return [key, key === 'Comment' ? inner : rewritePaths(inner, state)];
    });
    return Object.fromEntries(entries);
  };

  const rewritePath = (path: string, state: string): string =>
    path.replaceAll(/\$\$\.?([A-Za-z]*)(\.[A-Za-z]+)?/g, (whole, object: string, field: string | undefined) => {
      if (object === 'Execution') return `$$.Run${field ?? ''}`;
      if (object === 'StateMachine' || object === 'Map') return whole;
      if (object === 'Task' && field === '.Token') return `'${tokenMark}'`;
      if (object === 'State' && field === '.Name') return `'${state.replaceAll(/['\\{}]/g, '\\$&')}'`;
      throw refuse(`state '${state}'`, `the context object has no '${whole}' here`);
    });

  return { definition: prepareMachine(machine.definition), tasks };
}

function withoutBranches({ Branches: _, Iterator: __, ItemProcessor: ___, ...state }: JsonObject): JsonObject {
  return state;
}

function bounded(seconds: Json): number {
  return Math.min(Number(seconds), longestTimeoutSeconds);
}
