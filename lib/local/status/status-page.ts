import type { SentMessage } from '../events/topics.ts';
import type { ExecutionRecord } from '../executions/history.ts';
import type { InstallationHealth } from './installation-health.ts';

/** What the page shows. */
export type StatusFacts = {
  readonly targets: readonly { readonly name: string; readonly engine: string }[];
  readonly schedules: readonly { readonly name: string; readonly next: Date | undefined }[];
  readonly executions: readonly ExecutionRecord[];
  readonly messages: readonly SentMessage[];
  readonly queueDepths: Readonly<Record<string, number>>;
  /** The stack's own. */
  readonly problems: readonly string[];
  /** The installation's; null when it cannot be asked. */
  readonly installation: InstallationHealth;
};

const shownExecutions = 50;
const shownMessages = 20;

/** The status page: plain HTML that needs nothing else. */
export function statusPage(facts: StatusFacts): string {
  const lastBackup = (target: string): string => {
    const run = facts.executions.find(
      ({ input, status, machineName }) =>
        status === 'SUCCEEDED' && machineName.includes('backup') && targetOf(input) === target,
    );
    return run?.endedAt ?? 'none yet';
  };
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Holdfast</title><meta http-equiv="refresh" content="5">
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color-scheme: light dark }
table { border-collapse: collapse; width: 100%; margin-bottom: 2rem }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8884; vertical-align: top }
.SUCCEEDED { color: #2a7 } .FAILED, .TIMED_OUT, .ABORTED, .problem { color: #d33 } .RUNNING { color: #28c } .ok { color: #2a7 } .critical { color: #d33 } .warning, .unknown { color: #c80 }
</style></head><body><h1>Holdfast</h1>
${facts.problems.map((problem) => `<p class="problem">${html(problem)}</p>`).join('\n')}
${installationSection(facts.installation)}
${table(
  'Targets',
  ['Target', 'Engine', 'Last backup that succeeded'],
  facts.targets.map(({ name, engine }) => [name, engine, lastBackup(name)]),
)}
${table(
  'Executions',
  ['State machine', 'Name', 'Status', 'Began', 'Ended', 'Error'],
  facts.executions
    // One every half hour would push out what people look for; what they found is above.
    .filter(({ machineName, status }) => !machineName.endsWith('-health-check') || status !== 'SUCCEEDED')
    .slice(0, shownExecutions)
    .map(({ machineName, name, status, beganAt, endedAt, error, cause }) => [
      machineName,
      name,
      { text: status, className: status },
      beganAt,
      endedAt ?? '',
      error === undefined ? '' : `${error}: ${messageOf(cause ?? '')}`,
    ]),
)}
${table(
  'Schedules',
  ['Schedule', 'Next'],
  facts.schedules.map(({ name, next }) => [name, next?.toISOString() ?? 'disabled']),
)}
${table(
  'Messages to topics',
  ['Time', 'Topic', 'Subject', 'Message', 'Deliveries'],
  facts.messages
    .slice(-shownMessages)
    .reverse()
    .map(({ at, topicArn, subject, message, deliveries }) => [
      at,
      topicArn.split(':').at(-1) ?? '',
      subject ?? '',
      message,
      deliveries.map(({ protocol, endpoint, status }) => `${protocol} ${endpoint}: ${status}`).join('; '),
    ]),
)}
${table(
  'Queues',
  ['Queue', 'Messages'],
  Object.entries(facts.queueDepths).map(([name, depth]) => [name, String(depth)]),
)}
</body></html>`;
}

/** What is wrong, what it means, and what to do first; or that nothing is. */
function installationSection(health: InstallationHealth): string {
  if (health === null) return '<p class="problem">The API gives no answer: see its log in the state folder.</p>';
  const { status, checkedAt, watchedAt, problems, checks } = health;
  const summary =
    problems.length > 0
      ? `<p class="critical">${problems.length === 1 ? 'There is a problem.' : `There are ${problems.length} problems.`}</p>`
      : watchedAt === null
        ? '<p class="unknown">Nothing has been watched yet: the watch looks every five minutes.</p>'
        : `<p class="ok">No problem is known. Watched at ${html(watchedAt)}.</p>`;
  const rows = problems.map(({ severity, message, impact, first, since }) => [
    { text: severity, className: severity },
    message,
    `it means: ${impact}`,
    first,
    since,
  ]);
  const checked =
    checkedAt === null
      ? ''
      : table(
          `Health check of ${checkedAt}: ${status}`,
          ['Check', 'Outcome', ''],
          checks.map((check) => [check.check, { text: check.status, className: check.status }, check.message]),
        );
  return `${summary}${rows.length === 0 ? '' : table('Problems', ['', 'What', '', 'First', 'Since'], rows)}${checked}`;
}

type Cell = string | { readonly text: string; readonly className: string };

function table(title: string, columns: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const head = columns.map((column) => `<th>${html(column)}</th>`).join('');
  const body = rows.map((cells) => `<tr>${cells.map(cell).join('')}</tr>`).join('\n');
  const nothing = `<tr><td colspan="${columns.length}">nothing yet</td></tr>`;
  return `<h2>${html(title)}</h2><table><thead><tr>${head}</tr></thead><tbody>${body || nothing}</tbody></table>`;
}

function cell(value: Cell): string {
  if (typeof value === 'string') return `<td>${html(value)}</td>`;
  return `<td class="${html(value.className)}">${html(value.text)}</td>`;
}

function html(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** A Lambda's failure is a document with its message and its stack; any other cause is text. */
function messageOf(cause: string): string {
  try {
    return (JSON.parse(cause) as { errorMessage?: string } | null)?.errorMessage ?? cause;
  } catch {
    return cause;
  }
}

function targetOf(input: string): unknown {
  try {
    return (JSON.parse(input) as { target?: unknown } | null)?.target;
  } catch {
    return undefined;
  }
}
