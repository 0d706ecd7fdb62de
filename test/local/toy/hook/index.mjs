import { appendFileSync } from 'node:fs';

export const handler = async (event) => {
  appendFileSync(process.env.HOOK_LOG, `${event.RequestType} ${event.ResourceProperties.version}\n`);
  return {};
};
