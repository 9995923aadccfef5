/**
 * The same package with its WebAssembly in a file of its own, `failsoft_bg.wasm`, which a browser compiles while it downloads.
 * The first call, or `init()`, requests this file. A script of CommonJS gets the package in one file.
 * @throws {ChatError} of the kind `wasmUnavailable` from every function, if the file does not come. The next call tries again.
 */
export * from './index.js';
