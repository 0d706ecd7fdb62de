/** What a server's own log says of the recovery that it made. */
export type RecoveryStory = {
  /** The line that says why it stopped where it did; undefined when the end of the log stopped it. */
  readonly stoppedBy: string | undefined;
  /** When the last transaction was committed that it applied, in the server's words. */
  readonly lastCommit: string | undefined;
  /** Where the last record begins that it applied. */
  readonly lastRecord: string | undefined;
  /** It came to the end of the log without having met the point. */
  readonly missedTarget: boolean;
  /** It could not even become consistent, or was asked for a point before it was. */
  readonly tooEarly: boolean;
  /** The last line that ended it. */
  readonly fatal: string | undefined;
};

/** Reads a server's log, in English and with our prefix. */
export function readRecoveryLog(text: string): RecoveryStory {
  const lines = text.split('\n').map((line) => line.replace(/^\d{4}-\S+ \S+ \w+ /, ''));
  const last = (pattern: RegExp): string | undefined =>
    lines
      .map((line) => pattern.exec(line)?.[1])
      .filter((found) => found !== undefined)
      .at(-1);
  return {
    stoppedBy: last(/^LOG: +(recovery stopping .*)$/),
    lastRecord: last(/^LOG: +redo done at ([0-9A-F]+\/[0-9A-F]+)/),
    lastCommit: last(/^LOG: +last completed transaction was at log time (.*)$/),
    missedTarget: lines.some((line) => /^FATAL: +recovery ended before configured recovery target/.test(line)),
    tooEarly: lines.some((line) =>
      /^FATAL: +(requested recovery stop point is before consistent recovery point|WAL ends before (end of online backup|consistent recovery point))/.test(
        line,
      ),
    ),
    fatal: last(/^(?:FATAL|PANIC): +(.*)$/),
  };
}
