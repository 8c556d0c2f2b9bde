/**
 * Where instances of the core's modules are made. Whoever has made a build that measures itself, or
 * wants to write down what is called, can watch the instances of a module come.
 *
 * @module
 */

/** What is done to instances of a module as they come. */
export interface Watcher {
  /** The imports instead of those given. */
  readonly imports?: (imports: WebAssembly.Imports) => WebAssembly.Imports;
  /** Sees the exports; what it answers takes their place. */
  readonly exports?: (exports: WebAssembly.Exports) => WebAssembly.Exports | void;
}

const watchers = new WeakMap<WebAssembly.Module, Watcher>();

/** Watches every instance of a module from now on. */
export function watchInstances(module: WebAssembly.Module, watcher: Watcher): void {
  watchers.set(module, watcher);
}

/** The exports of a new instance of a module. */
export function instantiate(
  module: WebAssembly.Module,
  imports: WebAssembly.Imports,
): WebAssembly.Exports {
  const watcher = watchers.get(module);
  const { exports } = new WebAssembly.Instance(module, watcher?.imports?.(imports) ?? imports);
  return watcher?.exports?.(exports) ?? exports;
}
