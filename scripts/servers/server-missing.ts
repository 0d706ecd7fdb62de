/** A test server that is neither found nor installable: the run ends and says what solves it. Nothing is skipped. */
export class ServerMissing extends Error {
  constructor(what: string, cures: readonly string[], options?: { readonly cause?: unknown }) {
    super(`${what}\n${cures.map((cure) => `  - ${cure}`).join('\n')}`, options);
    this.name = 'ServerMissing';
  }
}
