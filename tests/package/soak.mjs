// Long streams, and every exported way to read one. Runs in Node and in a page, so this module imports nothing.

const MESSAGES = [{ role: 'user', content: 'Hello?' }];
const encoder = new TextEncoder();
const head = '"id":"gen-1","object":"chat.completion.chunk","created":1700000000,"model":"a/a"';

/** Events of different shapes, each with two characters of text or none. */
const SHAPES = [
  (text) => `data: {${head},"choices":[{"index":0,"delta":{"role":"assistant","content":"${text}"},"finish_reason":null,"logprobs":null}]}\n\n`,
  (text) => `data: {"choices":[{"delta":{"content":"${text}"}}]}\r\n\r\n`,
  (text) => `: a comment\ndata: {${head},"usage":null,"system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":"${text}"}}]}\n\n`,
  (text) => `data: {"novel":{"nested":[1,2.5,"x"]},${head},\ndata: "choices":[{"index":0,"delta":{"content":"${text}"}}]}\n\n`,
  () => `data: {${head},"choices":[]}\n\n`,
  () => ': a comment and nothing else\n\n',
  () => 'data: {"broken\n\n',
];
const END = `data: {${head},"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`;

/**
 * The bytes of chunk `at` of `count`. The first half is uniform, so that the engine optimises for one shape. In the second
 * half, the shape of the events, the width of the characters and the type of the array change, and the optimised code is thrown
 * away.
 */
function chunkAt(at, count) {
  if (at < count / 2) return { text: 'ab', bytes: encoder.encode(SHAPES[0]('ab')) };
  const shape = SHAPES[at % SHAPES.length];
  const content = at % 3 === 0 ? 'é🦀' : 'ab';
  const event = shape(content);
  const text = event.includes(content) ? content : '';
  const whole = encoder.encode(`  ${event}`);
  return { text, bytes: at % 2 ? whole.subarray(2) : whole.slice(2) };
}

/** How many letters a stream of `count` chunks has. */
export function lettersOf(count) {
  let letters = 0;
  for (let at = 0; at < count; at += 1) letters += chunkAt(at, count).text.length;
  return letters;
}

/** A stream of `count` chunks. `watch` is called before each chunk; its promise, if it returns one, is awaited. */
function bodyOf(count, watch) {
  let at = 0;
  const give = (controller) => {
    if (at < count) controller.enqueue(chunkAt(at, count).bytes);
    else {
      controller.enqueue(encoder.encode(END));
      controller.close();
    }
    at += 1;
  };
  const pull = (controller) => {
    const waiting = watch(at);
    return waiting ? waiting.then(() => give(controller)) : give(controller);
  };
  return new ReadableStream({ pull }, { highWaterMark: 0 });
}

const responseOf = (body) => new Response(body, { headers: { 'content-type': 'text/event-stream' } });
const optionsOf = (body) => ({ model: 'a/a', apiKey: 'client-key', baseURL: 'https://api.example/v1', fetch: async () => responseOf(body) });

/** The ways to get a stream for a body. */
const BEGINNINGS = {
  'parseStream(response)': ({ parseStream }, body) => parseStream(responseOf(body)),
  'parseStream(readableStream)': ({ parseStream }, body) => parseStream(body),
  'chatStreaming()': ({ chatStreaming }, body) => chatStreaming(MESSAGES, optionsOf(body)),
};

const contentOf = ({ choices }) => choices?.find(({ index }) => !index)?.delta.content?.length ?? 0;

/** Counts the letters of a body of JSON lines, each behind `prefix`. */
async function countBytes(body, prefix) {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let [rest, letters] = ['', 0];
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    const lines = (rest + decoder.decode(read.value, { stream: true })).split('\n');
    rest = lines.pop();
    for (const line of lines) if (line.startsWith(`${prefix}{`)) letters += contentOf(JSON.parse(line.slice(prefix.length)));
  }
  return letters;
}

/** The ways to read a stream to its end; each returns the number of letters. */
const READERS = {
  'for await': async (stream) => {
    let letters = 0;
    for await (const chunk of stream) letters += contentOf(chunk);
    return letters;
  },
  textStream: async (stream) => {
    let letters = 0;
    for await (const text of stream.textStream) letters += text.length;
    return letters;
  },
  'text()': async (stream) => (await stream.text()).length,
  'finalCompletion()': async (stream) => (await stream.finalCompletion()).choices[0].message.content.length,
  'toReadableStream()': (stream) => countBytes(stream.toReadableStream(), ''),
  'toResponse()': (stream) => countBytes(stream.toResponse().body, 'data: '),
};

async function readCreateFetch({ createClient, createFetch }, body) {
  const ask = createFetch(createClient(optionsOf(body)));
  const request = { method: 'POST', body: JSON.stringify({ model: 'a/a', messages: MESSAGES, stream: true }) };
  const response = await ask('https://sdk.example/v1/chat/completions', request);
  return countBytes(response.body, 'data: ');
}

/** Every exported form of reading a stream: takes the package and a body, returns the number of letters. */
export const FORMS = {
  ...Object.fromEntries(
    Object.entries(BEGINNINGS).flatMap(([beginning, begin]) =>
      Object.entries(READERS).map(([name, read]) => [`${beginning}, ${name}`, async (failsoft, body) => read(await begin(failsoft, body))]),
    ),
  ),
  'createFetch()': readCreateFetch,
};

/** Keeps the exports of each WebAssembly instance that is made from now on. */
export function watchInstances() {
  const instances = [];
  WebAssembly.Instance = class extends WebAssembly.Instance {
    constructor(...given) {
      super(...given);
      instances.push(this.exports);
    }
  };
  return instances;
}

/** The bytes of memory and the entries of tables of these instances. */
export function sizeOf(instances) {
  const exported = instances.flatMap((exports) => Object.values(exports));
  const sum = (values) => values.reduce((all, value) => all + value, 0);
  return {
    memory: sum(exported.filter((value) => value instanceof WebAssembly.Memory).map(({ buffer }) => buffer.byteLength)),
    table: sum(exported.filter((value) => value instanceof WebAssembly.Table).map(({ length }) => length)),
  };
}

/** Reads `count` chunks in one form. `measure` is called at the end of each quarter; its promise is awaited. */
export async function soak(failsoft, form, count, measure, disturb = () => {}) {
  const samples = [];
  const watch = (at) => {
    disturb(at);
    if (at === 0 || at % (count / 4) !== 0) return undefined;
    const sample = measure();
    return sample instanceof Promise ? sample.then((taken) => void samples.push(taken)) : void samples.push(sample);
  };
  const letters = await FORMS[form](failsoft, bodyOf(count, watch));
  return { letters, samples };
}

const MIB = 2 ** 20;

/** What grew between the first and the last quarter, beyond the text that a stream keeps; empty if nothing did. */
export function growthOf([first, , , last]) {
  // The text of the stream stays in the WebAssembly, in an array that doubles its size.
  const bounds = { heap: MIB, memory: 2 * MIB, table: 128 };
  const grown = Object.keys(bounds).map((name) => [name, last[name] - first[name]]);
  return grown.filter(([name, by]) => !(by <= bounds[name])).map(([name, by]) => `${name} grew by ${by}`);
}
