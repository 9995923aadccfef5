/** In a bundler that makes modules of WebAssembly files; else pass the file's URL or bytes to `init`. */
declare const wasm: WebAssembly.Module;
export default wasm;
