// The code that makes the same call without this page.

import { enableCopy } from './copy.js';
import { byId } from './dom.js';

/** Shows the code that sends `message` with `options` (`models` or `model`, `policy`) to the edge at `origin`. */
export function showCode(origin, message, options, token) {
  byId('page-code').textContent = page(origin, message, options, token);
  byId('curl-code').textContent = curl(origin, message, options, token);
}

function page(origin, message, options, token) {
  const client = token ? `{ edge: ${literal(origin)}, token: '…' }` : `{ edge: ${literal(origin)} }`;
  const lines = Object.entries(options).map(([name, value]) => `  ${name}: ${literal(value)},`);
  return [
    "import { createClient } from 'failsoft';",
    '',
    `const client = createClient(${client});`,
    `const messages = [{ role: 'user', content: ${literal(message)} }];`,
    'const stream = await client.chatStreaming(messages, {',
    ...lines,
    '});',
    '',
    'for await (const text of stream.textStream) {',
    '  document.body.append(text);',
    '}',
    'console.log(stream.model, stream.attempts);',
  ].join('\n');
}

function curl(origin, message, { policy, ...fields }, token) {
  const body = { ...fields, messages: [{ role: 'user', content: message }], stream: true, ...(policy && { failsoft: policy }) };
  const lines = Object.entries(body).map(([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  return [
    `curl -N ${origin}/v1/chat/completions \\`,
    ...(token ? ["  -H 'authorization: Bearer …' \\"] : []),
    "  -H 'content-type: application/json' \\",
    `  -d '{\n${lines.join(',\n').replaceAll("'", String.raw`'\''`)}\n  }'`,
  ].join('\n');
}

/** A JSON value as JavaScript source code. */
function literal(value) {
  if (typeof value === 'string') return `'${JSON.stringify(value).slice(1, -1).replaceAll(String.raw`\"`, '"').replaceAll("'", String.raw`\'`)}'`;
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  return `{ ${Object.entries(value).map(([name, inner]) => `${name}: ${literal(inner)}`).join(', ')} }`;
}

/** Every button with `data-copy` copies the text of the element with that id. */
export function enableCopyButtons() {
  for (const button of document.querySelectorAll('[data-copy]')) enableCopy(button, byId(button.dataset.copy));
}
