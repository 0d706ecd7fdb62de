import Table from 'cli-table3';
import { createLogUpdate } from 'log-update';
import prettyBytes from 'pretty-bytes';
import type { HoldfastError } from '../core/errors.ts';
import type { ProgressEvent } from '../runner/progress.ts';
import { onStderr, onStdout } from './colours.ts';

/** How much of a plain (not a terminal's) progress is worth a line: one every so many milliseconds. */
const plainIntervalMs = 5000;
/** A phase may go through thousands of things. */
const newDetailIntervalMs = 500;

/**
 * Everything that the CLI prints. Results go to stdout, as text or as one JSON document; progress and failures go to stderr: redrawn in
 * place on a terminal, as plain lines otherwise, and not at all with `--json`.
 */
export class Output {
  readonly json: boolean;
  readonly #live = process.stderr.isTTY === true ? createLogUpdate(process.stderr) : undefined;
  #lastPlain = { phase: '', detail: '', at: 0 };

  constructor({ json }: { readonly json: boolean }) {
    this.json = json;
  }

  /** The verb's result: `document` with `--json`, otherwise the lines that `text` gives. */
  result(document: unknown, text: () => readonly string[]): void {
    this.end();
    process.stdout.write(
      this.json
        ? `${JSON.stringify(document, null, 2)}\n`
        : text()
            .map((line) => `${line}\n`)
            .join(''),
    );
  }

  /** A line beside the result, such as a step that has ended. */
  line(text: string): void {
    if (this.json) return;
    this.end();
    process.stdout.write(`${text}\n`);
  }

  /** What is being done, on a terminal only: elsewhere the line that tells of its end says enough. */
  status(text: string): void {
    if (!this.json) this.#live?.(onStderr.dim(text));
  }

  progress(event: ProgressEvent): void {
    if (this.json) return;
    const text = describeProgress(event);
    if (this.#live) {
      this.#live(onStderr.dim(text));
      return;
    }
    const { phase, detail = '' } = event;
    const last = this.#lastPlain;
    const interval = phase !== last.phase ? 0 : detail === last.detail ? plainIntervalMs : newDetailIntervalMs;
    if (Date.now() - last.at < interval) return;
    this.#lastPlain = { phase, detail, at: Date.now() };
    process.stderr.write(`${text}\n`);
  }

  /** Leaves the terminal's progress line behind. */
  end(): void {
    this.#live?.clear();
  }

  failure({ code, message, hint, exitCode }: HoldfastError): void {
    this.end();
    if (this.json) process.stderr.write(`${JSON.stringify({ error: { code, message, hint, exitCode } })}\n`);
    else process.stderr.write(`${onStderr.red('error')} [${code}] ${message}\n${onStderr.yellow('HINT')}: ${hint}\n`);
  }
}

/** A table without borders, as `column -t` would draw it. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const drawn = new Table({
    head: head.map((title) => onStdout.bold(title)),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    chars: Object.fromEntries(
      [
        'top',
        'top-mid',
        'top-left',
        'top-right',
        'bottom',
        'bottom-mid',
        'bottom-left',
        'bottom-right',
        'left',
        'left-mid',
        'mid',
        'mid-mid',
        'right',
        'right-mid',
        'middle',
      ].map((part) => [part, '']),
    ),
  });
  drawn.push(...rows.map((row) => [...row]));
  return drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
}

/** A name of any kind on one line: what would break a table or a terminal is escaped. */
export const printable = (name: string): string => JSON.stringify(name).slice(1, -1);

/** A sentence that quotes names of any kind, on one line: control characters in it are escaped, quotes are not. */
export const oneLine = (text: string): string =>
  text.replaceAll(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1));

/** `1 table`, `2 tables`. */
export const counted = (count: number, thing: string): string => `${count} ${thing}${count === 1 ? '' : 's'}`;

export const bytes = (count: number): string => prettyBytes(count, { binary: true });

export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 3600
    ? `${Math.floor(whole / 60)} min ${whole % 60} s`
    : `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

function describeProgress({
  phase,
  detail,
  bytes: done,
  expectedBytes,
  bytesPerSecond,
  remainingSeconds,
}: ProgressEvent): string {
  const share =
    done !== undefined && expectedBytes
      ? ` ${String(Math.min(100, Math.floor((100 * done) / expectedBytes))).padStart(3)} %`
      : '';
  const parts = [
    done === undefined ? '' : bytes(done),
    !bytesPerSecond ? '' : `${bytes(bytesPerSecond)}/s`,
    remainingSeconds == null ? '' : `${duration(remainingSeconds)} left`,
  ].filter((part) => part !== '');
  // Names of tables may hold anything, and this is one line.
  const about = detail?.replaceAll(/\p{Cc}/gu, printable);
  return `${phase}${about === undefined ? '' : ` ${about}`}${share}${parts.length > 0 ? `  ${parts.join('  ')}` : ''}`;
}
