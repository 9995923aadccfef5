import instantiate from './failsoft_bg.js';

/** Instantiates the WebAssembly of a separate file at `address`. While a page downloads it, the browser compiles it. */
export async function startFrom(address, source = address) {
  try {
    await instantiate({ module_or_path: source });
  } catch (cause) {
    throw new Error(`${cause?.message ?? cause} (failsoft/slim expects its file failsoft_bg.wasm at ${address})`, { cause });
  }
}
