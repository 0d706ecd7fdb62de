import { existsSync } from 'node:fs';
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { defaultConfigFile } from '../lib/config/files.ts';
import { loadConfig } from '../lib/config/load.ts';
import { Holdfast } from '../lib/constructs/holdfast.ts';
import { HoldfastError } from '../lib/core/errors.ts';

/** What `cdk` runs. The configuration is read here and nowhere below: `HOLDFAST_CONFIG`, or holdfast.yaml, or else the example. */
const exampleFile = 'holdfast.example.yaml';
const named = process.env['HOLDFAST_CONFIG'] ?? defaultConfigFile;
const isExample = named === defaultConfigFile && !existsSync(named);

try {
  const app = new App();
  const holdfast = new Holdfast(app, 'Holdfast', { config: loadConfig(isExample ? exampleFile : named, process.env) });
  if (isExample) {
    Validations.of(holdfast).addWarning(
      'holdfast-example-configuration',
      `there is no ${defaultConfigFile}: this is ${exampleFile}. Copy it and make it yours before deploying`,
    );
  }
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app, { writeSuppressionsToCloudFormation: true }));
  app.synth();
} catch (error) {
  if (!(error instanceof HoldfastError)) throw error;
  console.error(`${error.message}\nHINT: ${error.hint}`);
  process.exit(error.exitCode);
}
