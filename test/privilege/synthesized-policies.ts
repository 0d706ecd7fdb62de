import { readAssembly } from '../../lib/local/assembly.ts';
import { appOf, ordinary } from '../stacks/synthesize.ts';
import { type Policies, readPolicies } from './policies.ts';

/** The policies of a configuration with one of everything, without the programs' code. */
export function policiesOf(configText: string = ordinary): Policies {
  // Without an account ARNs are resolved as the local stack resolves all others.
  const { app } = appOf(configText.replace(/account: "\d+", /, ''));
  return readPolicies(readAssembly(app.synth().directory), 'eu-central-1');
}
