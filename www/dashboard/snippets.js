// Code that calls the edge, in the languages that apps are written in.

export const LANGUAGES = { page: 'JavaScript in a page', curl: 'curl', python: 'Python', swift: 'Swift', kotlin: 'Kotlin' };

/** The code in `language` that sends one message to `model` at the edge `origin`. `key`: the client key, or nothing. */
export function snippet(language, { origin, key, model }) {
  return WRITERS[language]({ origin, key: key || '…', model, question: 'Why is the sky blue?' });
}

/** A text in double quotes, as JavaScript, Python, Swift and Kotlin read it. */
const quoted = (text) => JSON.stringify(text);
/** Kotlin reads `$name` in a text, and Swift `\(name)`. JSON has written the backslash twice. */
const kotlin = (text) => quoted(text).replaceAll('$', '\\$');
const shell = (text) => `'${text.replaceAll("'", String.raw`'\''`)}'`;

const body = ({ model, question }) => JSON.stringify({ model, messages: [{ role: 'user', content: question }] });

const WRITERS = {
  page: ({ origin, key, model, question }) => `import { createClient } from 'failsoft';

const client = createClient({ edge: ${quoted(origin)}, token: ${quoted(key)} });
const stream = await client.chatStreaming([{ role: 'user', content: ${quoted(question)} }], { model: ${quoted(model)} });
for await (const text of stream.textStream) document.body.append(text);`,

  curl: (call) => `curl ${shell(`${call.origin}/v1/chat/completions`)} \\
  -H ${shell(`authorization: Bearer ${call.key}`)} \\
  -H 'content-type: application/json' \\
  -d ${shell(body(call))}`,

  python: ({ origin, key, model, question }) => `from openai import OpenAI

client = OpenAI(base_url=${quoted(`${origin}/v1`)}, api_key=${quoted(key)})
stream = client.chat.completions.create(
    model=${quoted(model)},
    messages=[{"role": "user", "content": ${quoted(question)}}],
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="")`,

  swift: ({ origin, key, model, question }) => `import Foundation

var request = URLRequest(url: URL(string: ${quoted(`${origin}/v1/chat/completions`)})!)
request.httpMethod = "POST"
request.setValue(${quoted(`Bearer ${key}`)}, forHTTPHeaderField: "Authorization")
request.setValue("application/json", forHTTPHeaderField: "Content-Type")
request.httpBody = try JSONSerialization.data(withJSONObject: [
    "model": ${quoted(model)},
    "messages": [["role": "user", "content": ${quoted(question)}]],
] as [String: Any])
let (data, _) = try await URLSession.shared.data(for: request)
print(String(decoding: data, as: UTF8.self))`,

  kotlin: (call) => `import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpResponse

fun main() {
    val request = HttpRequest.newBuilder(URI.create(${kotlin(`${call.origin}/v1/chat/completions`)}))
        .header("Authorization", ${kotlin(`Bearer ${call.key}`)})
        .header("Content-Type", "application/json")
        .POST(HttpRequest.BodyPublishers.ofString(${kotlin(body(call))}))
        .build()
    println(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body())
}`,
};
