/**
 * Where instances of the core's modules are made. A build that measures itself (counted blocks,
 * fuel) has exports that nobody asks for; whoever made it can watch its instances come.
 *
 * @module
 */

type Watcher = (exports: WebAssembly.Exports) => void;

const watchers = new WeakMap<WebAssembly.Module, Watcher>();

/** Has a function called with the exports of every instance of a module from now on. */
export function watchInstances(module: WebAssembly.Module, watcher: Watcher): void {
  watchers.set(module, watcher);
}

/** An instance of a module. */
export function instantiate(
  module: WebAssembly.Module,
  imports: WebAssembly.Imports,
): WebAssembly.Instance {
  const instance = new WebAssembly.Instance(module, imports);
  watchers.get(module)?.(instance.exports);
  return instance;
}
