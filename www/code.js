// The few lines that make the same call without this page.

import { byId } from './dom.js';

/** Shows the code for asking `message` with `options` (`models` or `model`, `policy`) of the edge at `origin`. */
export function showCode(origin, message, options, token) {
  byId('page-code').textContent = page(origin, message, options, token);
  byId('curl-code').textContent = curl(origin, message, options, token);
}

function page(origin, message, options, token) {
  const client = token ? `{ edge: ${literal(origin)}, token: '…' }` : `{ edge: ${literal(origin)} }`;
  const given = Object.entries(options).map(([name, value]) => `  ${name}: ${literal(value)},`);
  return [
    "import { createClient } from 'failsoft';",
    '',
    `const client = createClient(${client});`,
    `const messages = [{ role: 'user', content: ${literal(message)} }];`,
    'const stream = await client.chatStreaming(messages, {',
    ...given,
    '});',
    '',
    'for await (const text of stream.textStream) {',
    '  document.body.append(text);',
    '}',
    'console.log(stream.model, stream.attempts);',
  ].join('\n');
}

function curl(origin, message, { policy, ...asked }, token) {
  const body = { ...asked, messages: [{ role: 'user', content: message }], stream: true, ...(policy && { failsoft: policy }) };
  const fields = Object.entries(body).map(([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  return [
    `curl -N ${origin}/v1/chat/completions \\`,
    ...(token ? ["  -H 'authorization: Bearer …' \\"] : []),
    "  -H 'content-type: application/json' \\",
    `  -d '{\n${fields.join(',\n').replaceAll("'", String.raw`'\''`)}\n  }'`,
  ].join('\n');
}

/** JavaScript for a value of JSON, as a person writes it. */
function literal(value) {
  if (typeof value === 'string') return `'${JSON.stringify(value).slice(1, -1).replaceAll(String.raw`\"`, '"').replaceAll("'", String.raw`\'`)}'`;
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  return `{ ${Object.entries(value).map(([name, inner]) => `${name}: ${literal(inner)}`).join(', ')} }`;
}

/** Makes every button with `data-copy` copy the text of the element that it names. */
export function offerCopies() {
  for (const button of document.querySelectorAll('[data-copy]')) {
    button.addEventListener('click', async () => {
      const copied = await navigator.clipboard.writeText(byId(button.dataset.copy).textContent).then(() => true, () => false);
      button.textContent = copied ? 'Copied' : 'Select and copy by hand';
      setTimeout(() => { button.textContent = 'Copy'; }, 1500);
    });
  }
}
