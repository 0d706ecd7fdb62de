/** How often a task is tried at most: the judge counts up to it, and the state machine's own timeout is reckoned with it. */
export const mostAttempts = 3;
