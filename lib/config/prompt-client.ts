/**
 * Settings of an AWS client whose answers are short and come at once. The SDK's own default waits for an answer for ever, and with it whoever
 * asked: a run that hangs there does not even hear its deadline.
 */
export function promptClient({ seconds = 10 }: { readonly seconds?: number } = {}): {
  readonly maxAttempts: number;
  readonly requestHandler: {
    readonly connectionTimeout: number;
    readonly requestTimeout: number;
    readonly throwOnRequestTimeout: boolean;
  };
} {
  const milliseconds = seconds * 1000;
  return {
    maxAttempts: 4,
    requestHandler: { connectionTimeout: milliseconds, requestTimeout: milliseconds, throwOnRequestTimeout: true },
  };
}
