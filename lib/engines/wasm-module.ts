/** What is used of the global of this name, for which neither TypeScript nor Node's types have declarations without a browser's. */
type WebAssemblyApi = {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};
const webAssembly = (globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }).WebAssembly;

/** Gives instances of a module, each with memory of its own. It is compiled once, when the first is asked for. */
export function wasmModule<Exports>(base64: string): () => Exports {
  let compiled: object | undefined;
  return () => {
    compiled ??= new webAssembly.Module(Buffer.from(base64, 'base64'));
    return new webAssembly.Instance(compiled).exports as Exports;
  };
}
