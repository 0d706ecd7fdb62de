import type { EngineContext, SettingsReport } from '../../engine.ts';
import { parseConnection } from '../connection.ts';
import { connectToServer, readServer } from '../server.ts';
import { judgeSettings, type ServerSetting } from './judge-settings.ts';
import { type Host, productionSettings } from './production-settings.ts';
import { configurationFragment, parameterGroupTemplate } from './write-settings.ts';

/** Holds a live server against the production settings for its host. Changes nothing. */
export async function checkSettings(context: EngineContext, host: Host): Promise<SettingsReport> {
  const connection = parseConnection(context.connection);
  const client = await connectToServer(connection, { isPlain: true });
  try {
    const { major, version } = await readServer(client);
    const wanted = productionSettings(host);
    const { rows: settings } = await client.query<ServerSetting>(
      'select name, setting, unit, context from pg_settings where name = any ($1)',
      [wanted.flatMap(({ name, wanted: kind }) => (kind.is === 'set' ? [name, kind.or] : [name]))],
    );
    const managed = await client.query<{ isManaged: boolean }>(
      `select exists (select from pg_settings where name like 'rds.%') as "isManaged"`,
    );
    const isManaged = managed.rows[0]?.isManaged === true;
    return {
      serverVersion: version,
      isManaged,
      settings: judgeSettings(wanted, { major, isManaged, settings }),
      fragment: configurationFragment(wanted, major),
      parameterGroup: parameterGroupTemplate(wanted, major),
    };
  } finally {
    await client.end();
  }
}
