import { HoldfastError } from '../../core/errors.ts';
import type { Content } from '../../core/manifest.ts';
import { addLanes, lanesText, noLanes } from '../digest/lanes.ts';
import type { CaptureResult, CaptureStream, EngineContext } from '../engine.ts';
import { addressOf, type Connection } from './connection.ts';
import { fromRefusal, Refusal } from './errors.ts';
import { aclFormat } from './formats/formats.ts';
import type { Argument } from './protocol/command-writer.ts';
import { openSession, type Session } from './protocol/session.ts';
import { RdbMemory } from './rdb/rdb-memory.ts';
import { textOf } from './server.ts';

/** The ACL users as one stream: a line for each, as `ACL LIST` and an ACL file have it. Passwords are there as hashes. */
export function aclStream(context: EngineContext, connection: Connection): CaptureStream {
  return {
    stream: 'acl',
    kind: 'globals',
    name: 'acl',
    format: aclFormat,
    expectedBytes: 1024,
    async open() {
      let result: CaptureResult | undefined;
      async function* bytes(): AsyncGenerator<Uint8Array, void> {
        await using session = await openSession(connection, context.signal);
        const text = await currentUsers(session);
        yield text;
        result = { content: aclContent(text), facts: {} };
      }
      return {
        bytes: bytes(),
        result() {
          if (!result) throw new Error('the ACL users were not read');
          return result;
        },
      };
    },
  };
}

/** Shows that no user is missing; in an ACL file it would be a comment. */
const endLine = '# end';

/** What the lines define. Throws `corrupt` or `dump-incomplete`. */
export function aclContent(text: Buffer): Content {
  const users = usersIn(text);
  const memory = new RdbMemory();
  const sum = users.reduce((total, user) => addLanes(total, memory.hashOf(Buffer.from(user))), noLanes);
  return { tables: [], definitions: { counts: { 'ACL user': users.length }, digest: lanesText(sum) } };
}

/** The users' lines of a stream. */
export function usersIn(text: Buffer): readonly string[] {
  const lines = text.toString().split('\n');
  if (lines.at(-1) !== '' || lines.at(-2) !== endLine)
    throw new HoldfastError('dump-incomplete', 'the list of ACL users breaks off');
  const users = lines.slice(0, -2);
  if (!users.every((line) => line.startsWith('user ')))
    throw new HoldfastError('corrupt', 'the list of ACL users has something else than users');
  return users;
}

/** The users of a live server, as the stream would have them. */
export async function currentUsers(session: Session): Promise<Buffer> {
  return Buffer.from(`${(await listUsers(session)).join('\n')}\n${endLine}\n`);
}

async function listUsers(session: Session): Promise<readonly string[]> {
  try {
    const lines = (await session.ask(['ACL', 'LIST'])) as readonly Buffer[];
    return lines.map((line) => textOf(line));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw fromRefusal(error, `${addressOf(session.connection)}: ACL users cannot be listed`);
  }
}

/**
 * Makes users what the backup says. The default user and the one who restores stay as they are: who changes them by mistake has locked himself
 * out. Gives the names of those that were left out.
 */
export async function restoreUsers(session: Session, users: readonly string[]): Promise<readonly string[]> {
  const self = textOf(await session.ask(['ACL', 'WHOAMI']));
  const left: string[] = [];
  for (const line of users) {
    const [, name = '', ...rules] = rulesOf(line);
    if (name === 'default' || name === self) left.push(name);
    else
      await session.ask(['ACL', 'SETUSER', name, 'reset', ...rules] satisfies Argument[]).catch((error: unknown) => {
        if (!(error instanceof Refusal)) throw error;
        const about = `${addressOf(session.connection)}: user '${name}' cannot be made`;
        const { code, message } = fromRefusal(error, about, 'restore-failed');
        throw new HoldfastError(code, message, {
          cause: error,
          hint: 'all keys are in place, and so are the users before this one; make the others by hand',
        });
      });
  }
  return left;
}

/** The words of a user's line; a selector in parentheses is one. It ends where a word does that ends with one: patterns may hold them too. */
function rulesOf(line: string): readonly string[] {
  const rules: string[] = [];
  let selector: string | undefined;
  for (const word of line.split(' ').filter((found) => found !== '')) {
    selector = selector === undefined ? word : `${selector} ${word}`;
    if (selector.startsWith('(') && !selector.endsWith(')')) continue;
    rules.push(selector);
    selector = undefined;
  }
  return rules;
}
