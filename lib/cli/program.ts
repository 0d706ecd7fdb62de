import { Command, type CommanderError, Option } from 'commander';
import { holdfastVersion } from '../version.ts';
import { type CommonOptions, runVerb } from './run-verb.ts';
import type { VerbDefinition } from './verb-definition.ts';
import { verbs } from './verbs.ts';

/** The command line. Verbs are described here and loaded when they run, so that `--help` answers at once. */
export function createProgram(): Command {
  const program = new Command('holdfast')
    .description('Backs up databases to S3 or a directory, proves that the backups restore, and brings systems back')
    .version(holdfastVersion)
    .showHelpAfterError("(run 'holdfast --help' for the verbs)")
    .exitOverride((error: CommanderError) => process.exit(error.exitCode === 0 ? 0 : 2))
    .addHelpText('after', `\n${exitCodes}`);
  for (const verb of verbs) addVerb(program, verb);
  return program;
}

function addVerb(parent: Command, verb: VerbDefinition): void {
  const command = parent.command(verb.usage, { isDefault: verb.isDefault === true }).description(verb.description);
  command.showHelpAfterError(`(run '${pathOf(command)} --help' for its arguments and an example)`);
  const { failureExit } = verb;
  if (failureExit !== undefined)
    command.exitOverride((error: CommanderError) => process.exit(error.exitCode === 0 ? 0 : failureExit));
  if (verb.verbs) {
    for (const inner of verb.verbs) addVerb(command, inner);
    return;
  }
  for (const [flags, description] of verb.options ?? []) command.option(flags, description);
  command
    .addOption(new Option('-c, --config <file>', 'configuration file').default('holdfast.yaml').env('HOLDFAST_CONFIG'))
    .option('--json', 'print one JSON document instead of text')
    .addHelpText('after', `\nExample:\n  ${verb.example}\n`)
    .action(async (...given: unknown[]) => {
      // Commander hands over the arguments, then the options, then the command itself.
      const names = command.registeredArguments.map((argument) => argument.name());
      const values = Object.fromEntries(names.map((name, index) => [name, given[index]]));
      process.exitCode = await runVerb(verb, { ...values, ...(given[names.length] as CommonOptions) });
    });
}

/** `holdfast catalog url`: the words that lead to a command. */
const pathOf = (command: Command): string =>
  command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();

const exitCodes = `Exit codes: 0 ok; 2 usage; 10-19 will fail again until something is changed (configuration, password, key,
corrupt data, lease held); 20-29 may succeed when tried again (source, store or catalog away); 30 partial; 31 late;
70 a bug; 124 out of time; 143 stopped. --json prints failures as {"error":{"code","message","hint"}}.`;
