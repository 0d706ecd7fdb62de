import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isJsonObject, type Json, type JsonObject } from './json.ts';

/** Where the lines that functions and tasks print go. */
export type OutputListeners = {
  /** A line in CloudWatch's embedded metric format. */
  readonly onMetrics: (line: JsonObject) => void;
  /** A task's word on how far it is. */
  readonly onProgress: (progress: Json) => void;
};

/**
 * A sink for one program's printed lines: metrics and progress go to listeners, the rest to `logs/<name>.log` in the state folder.
 * A log line that cannot be written is lost; it never fails the program.
 */
export function programOutput(
  stateDirectory: string,
  name: string,
  listeners: OutputListeners,
): (line: string) => void {
  const file = join(stateDirectory, 'logs', `${name}.log`);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  return (line) => {
    const parsed = line.startsWith('{') ? parse(line) : undefined;
    if (parsed !== undefined && isJsonObject(parsed['_aws'])) listeners.onMetrics(parsed);
    else if (parsed?.['type'] === 'progress') listeners.onProgress(parsed);
    else write(file, line);
  };
}

function parse(line: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function write(file: string, line: string): void {
  try {
    appendFileSync(file, `${line}\n`, { mode: 0o600 });
  } catch {
    // A full disk is the run's own error to report.
  }
}
