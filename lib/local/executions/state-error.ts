/** An error whose name and message become `Error` and `Cause`. */
export function stateError(name: string, cause: string): Error {
  const error = new Error(cause);
  error.name = name;
  return error;
}
