import type { AlertRecord } from './alerts.ts';
import { firstCommand, problemKinds, runbookOf } from './problem-kinds.ts';

/** An alert as it is read: a subject for mail, and the text for everything. */
export type AlertText = { readonly subject: string; readonly text: string };

/** SNS takes no longer subjects, and no others than ASCII. */
const longestSubject = 100;

type Told = Pick<AlertRecord, 'problem' | 'kind' | 'target' | 'message' | 'since' | 'endedAt' | 'count'>;

/**
 * What is told of a problem: what happened, what it means, the first command and the runbook; or that it is over. `runbooks` is where
 * those are kept, when that is not the project's own folder.
 */
export function alertText(
  what: 'began' | 'again' | 'ended',
  { problem, kind, target, message, since, endedAt, count }: Told,
  { runbooks }: { readonly runbooks?: string | undefined } = {},
): AlertText {
  const { severity, impact } = problemKinds[kind];
  if (what === 'ended') {
    return {
      subject: subject(`Holdfast: over: ${problem}`),
      text: `OVER since ${endedAt ?? since}: ${message}\nIt began at ${since} (${problem}).`,
    };
  }
  const again = what === 'again' ? ` (still, or again: ${count} times)` : '';
  return {
    subject: subject(`Holdfast: ${severity}: ${problem}${what === 'again' ? ' (again)' : ''}`),
    text: [
      `${severity.toUpperCase()}${again}: ${message}`,
      `It means: ${impact}.`,
      `First: ${firstCommand(kind, target ?? undefined)}`,
      `Runbook: ${runbooks === undefined ? runbookOf(kind) : `${runbooks.replace(/\/$/, '')}/${kind}.md`}`,
      `Since ${since} (${problem}).`,
    ].join('\n'),
  };
}

const subject = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, longestSubject);
