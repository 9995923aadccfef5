// React Native's engine Hermes has no WebAssembly, so the edge falls back, and the app uses the SDK of OpenAI. This page stands for
// an app. React Native's `fetch` gives an answer in one piece; for streams, give the SDK the `fetch` of expo/fetch.

import 'whatwg-fetch'; // React Native has this already: it is its `fetch`.
import OpenAI from 'openai';

const openai = new OpenAI({
  baseURL: `${import.meta.env.VITE_EDGE ?? 'http://127.0.0.1:8787'}/v1`,
  // A client key of the edge; for the users of an app, a session. It is no secret of your provider.
  apiKey: import.meta.env.VITE_TOKEN ?? 'fs_web_example',
  maxRetries: 0,
  dangerouslyAllowBrowser: true,
});

const show = (name, text) => document.querySelector('main').append(Object.assign(document.createElement('p'), { className: name, textContent: text }));

document.querySelector('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const content = new FormData(event.target).get('text');
  try {
    const { model, choices } = await openai.chat.completions.create({ model: 'route/example', messages: [{ role: 'user', content }] });
    show('assistant', `${model} ${choices[0].message.content}`);
  } catch (error) {
    // A budget that is used up says until when: error.headers.get('retry-after').
    show('error', error.message);
  }
});
