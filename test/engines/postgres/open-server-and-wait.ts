import { findServerPrograms } from '../../../lib/engines/postgres/server-programs.ts';
import { openTestServer } from '../../../lib/engines/postgres/test-server.ts';
import { serverAccount } from '../../../lib/servers/server-account.ts';
import { testTools } from './run-engine.ts';

/** Opens a test server, says where, and waits for its own end: by a signal that leaves it no time for anything. */
const account = serverAccount();
const programs = await findServerPrograms(17, { account, findTools: testTools });
const { connection } = await openTestServer({ programs, account, sizeBytes: 0 });
console.log(connection.host);
setInterval(() => {}, 1000);
