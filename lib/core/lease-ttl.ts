/**
 * How long a lease holds without being renewed: long enough for a container to be placed and started, short enough that a crash is soon
 * forgotten. The task renews it every third of that.
 */
export const leaseTtlSeconds = 900;
