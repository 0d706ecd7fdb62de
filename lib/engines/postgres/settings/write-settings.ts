import type { ProductionSetting } from './production-settings.ts';

const titles: Readonly<Record<ProductionSetting['group'], string>> = {
  wal: 'WAL: what recovery is made of',
  connections: 'Connections',
  memory: 'Memory, for a host that the server has to itself',
  logging: 'Logging, for those who must say later what happened',
  security: 'Encryption on the way, and passwords',
};

/** The settings as a fragment that postgresql.conf includes. */
export function configurationFragment(settings: readonly ProductionSetting[], major: number): string {
  const lines = [
    "# Written by 'holdfast postgres settings'. Include it at the end of postgresql.conf: include_if_exists = 'holdfast.conf'",
  ];
  let group: string | undefined;
  for (const setting of settings) {
    if (setting.since !== undefined && setting.since > major) continue;
    if (setting.group !== group) lines.push('', `# ${titles[setting.group]}`);
    group = setting.group;
    const text = `${setting.name} = ${/^[\d']/.test(setting.value) && !/[A-Za-z]$/.test(setting.value) ? setting.value : quoted(setting.value)}`;
    lines.push(`${(setting.wanted.is === 'set' ? `#${text}` : text).padEnd(56)} # ${setting.why}`);
  }
  return `${lines.join('\n')}\n`;
}

const quoted = (value: string): string => (value.startsWith("'") ? value : `'${value}'`);

/** The same as a CloudFormation template with one parameter group. What RDS sees to by itself is left out. */
export function parameterGroupTemplate(settings: readonly ProductionSetting[], major: number): object {
  const parameters = settings
    .filter(({ since, rds }) => rds !== null && (since === undefined || since <= major))
    .map(({ name, value, rds }) => [name, rds ?? value.replaceAll("'", '')] as const);
  return {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: 'Settings for a production PostgreSQL that Holdfast backs up',
    Resources: {
      ParameterGroup: {
        Type: 'AWS::RDS::DBParameterGroup',
        Properties: {
          Description: `Holdfast: PostgreSQL ${major} in production`,
          Family: `postgres${major}`,
          // RDS has TLS on; this is what refuses connections without.
          Parameters: { ...Object.fromEntries(parameters), 'rds.force_ssl': '1' },
        },
      },
    },
    Outputs: { ParameterGroupName: { Value: { Ref: 'ParameterGroup' } } },
  };
}
