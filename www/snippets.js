// Code that makes a call to the edge, in the languages that apps are written in.

export const LANGUAGES = { page: 'JavaScript, with the npm package', curl: 'curl', python: 'Python, with the openai SDK', swift: 'Swift', kotlin: 'Kotlin' };

/**
 * The code in `language` that sends `message` to the edge at `origin` with `options` (`models` or `model`, `policy`). `key`: the client
 * key, or nothing for an edge without keys.
 */
export const snippet = (language, call) => WRITERS[language](call).join('\n');

/** A text in double quotes, as Python and Swift read it. */
const quoted = (text) => JSON.stringify(text);
/** Kotlin reads `$name` in a text as a variable. */
const kotlin = (text) => quoted(text).replaceAll('$', '\\$');
const shell = (text) => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** A JSON value as JavaScript source code. */
function literal(value) {
  if (typeof value === 'string') return `'${JSON.stringify(value).slice(1, -1).replaceAll(String.raw`\"`, '"').replaceAll("'", String.raw`\'`)}'`;
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  return `{ ${Object.entries(value).map(([name, inner]) => `${name}: ${literal(inner)}`).join(', ')} }`;
}

/** A JSON value as Python source code. */
function python(value) {
  if (Array.isArray(value)) return `[${value.map(python).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return { true: 'True', false: 'False', null: 'None' }[String(value)] ?? JSON.stringify(value);
  return `{${Object.entries(value).map(([name, inner]) => `${quoted(name)}: ${python(inner)}`).join(', ')}}`;
}

/** The body of the request. */
const body = ({ options: { policy, ...fields }, message }, more = {}) => ({ ...fields, messages: [{ role: 'user', content: message }], ...more, ...(policy && { failsoft: policy }) });
const url = ({ origin }) => `${origin}/v1/chat/completions`;

const WRITERS = {
  page: ({ origin, key, options, message }) => [
    "import { createClient } from 'failsoft';",
    '',
    `const client = createClient({ edge: ${literal(origin)}${key ? `, token: ${literal(key)}` : ''} });`,
    `const messages = [{ role: 'user', content: ${literal(message)} }];`,
    'const stream = await client.chatStreaming(messages, {',
    ...Object.entries(options).map(([name, value]) => `  ${name}: ${literal(value)},`),
    '});',
    '',
    'for await (const text of stream.textStream) {',
    '  document.body.append(text);',
    '}',
    'console.log(stream.model, stream.attempts);',
  ],

  curl: (call) => [
    `curl -N ${url(call)} \\`,
    ...(call.key ? [`  -H ${shell(`authorization: Bearer ${call.key}`)} \\`] : []),
    "  -H 'content-type: application/json' \\",
    `  -d ${shell(JSON.stringify(body(call, { stream: true }), null, 2))}`,
  ],

  python: ({ origin, key, options: { model, models, policy }, message }) => {
    const extra = { ...(models && { models }), ...(policy && { failsoft: policy }) };
    return [
      'from openai import OpenAI',
      '',
      `client = OpenAI(base_url=${quoted(`${origin}/v1`)}, api_key=${quoted(key || 'none')})`,
      'stream = client.chat.completions.create(',
      `    model=${quoted(model ?? models?.[0] ?? '')},`,
      `    messages=[{"role": "user", "content": ${quoted(message)}}],`,
      ...(Object.keys(extra).length > 0 ? [`    extra_body=${python(extra)},`] : []),
      '    stream=True,',
      ')',
      'for chunk in stream:',
      '    if chunk.choices:',
      '        print(chunk.choices[0].delta.content or "", end="")',
    ];
  },

  swift: (call) => [
    'import Foundation',
    '',
    `var request = URLRequest(url: URL(string: ${quoted(url(call))})!)`,
    'request.httpMethod = "POST"',
    ...(call.key ? [`request.setValue(${quoted(`Bearer ${call.key}`)}, forHTTPHeaderField: "Authorization")`] : []),
    'request.setValue("application/json", forHTTPHeaderField: "Content-Type")',
    `request.httpBody = Data(${quoted(JSON.stringify(body(call)))}.utf8)`,
    'let (data, _) = try await URLSession.shared.data(for: request)',
    'print(String(decoding: data, as: UTF8.self))',
  ],

  kotlin: (call) => [
    'import java.net.URI',
    'import java.net.http.HttpClient',
    'import java.net.http.HttpRequest',
    'import java.net.http.HttpResponse',
    '',
    'fun main() {',
    `    val request = HttpRequest.newBuilder(URI.create(${kotlin(url(call))}))`,
    ...(call.key ? [`        .header("Authorization", ${kotlin(`Bearer ${call.key}`)})`] : []),
    '        .header("Content-Type", "application/json")',
    `        .POST(HttpRequest.BodyPublishers.ofString(${kotlin(JSON.stringify(body(call)))}))`,
    '        .build()',
    '    println(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body())',
    '}',
  ],
};
