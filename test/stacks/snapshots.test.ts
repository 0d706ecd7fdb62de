import { test } from 'node:test';
import { templatesOf } from './synthesize.ts';

/** What changed, for the eye. What must not change is in the tests beside this one. */
for (const [name, template] of Object.entries(templatesOf())) {
  test(`the ${name} stack is as it was`, (context) => {
    const text = JSON.stringify(template.toJSON(), null, 2)
      .replaceAll(/\b[0-9a-f]{64}\b/g, '<hash>')
      // The properties of Lambda permissions and of CDK's own functions name their asset in other places too.
      .replaceAll(/asset\.[0-9a-f]+/g, 'asset.<hash>');
    context.assert.snapshot(JSON.parse(text));
  });
}
