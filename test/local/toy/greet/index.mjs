import { readFileSync } from 'node:fs';

export const handler = async (event, context) => {
  if (event.fail) {
    const error = new Error(`no greeting for '${event.name}'`);
    error.name = event.fail;
    throw error;
  }
  if (event.exit) process.exit(3);
  if (event.loop) for (;;);
  console.log(
    JSON.stringify({
      _aws: {
        Timestamp: Date.now(),
        CloudWatchMetrics: [
          { Namespace: 'Toy', Dimensions: [['Target']], Metrics: [{ Name: 'GreetingMade', Unit: 'Count' }] },
        ],
      },
      Target: event.name,
      GreetingMade: 1,
    }),
  );
  return {
    greeting: `${process.env.GREETING}, ${event.name}`,
    settings: JSON.parse(readFileSync('settings.json', 'utf8')).kind,
    name: context.functionName,
    pid: process.pid,
    hasHome: 'HOME' in process.env,
    accessKeyId: process.env.AWS_ACCESS_KEY_ID ?? null,
    endpoint: process.env.AWS_ENDPOINT_URL_EVENTBRIDGE,
    secretOfStack: process.env.SECRET_OF_STACK ?? null,
  };
};
