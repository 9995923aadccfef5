'use client';

import { useState } from 'react';
import { parseStream } from 'failsoft';

export default function Page() {
  const [answer, setAnswer] = useState({});
  async function submit(event) {
    event.preventDefault();
    const messages = [{ role: 'user', content: new FormData(event.target).get('text') }];
    try {
      const stream = parseStream(await fetch('/api/chat', { method: 'POST', body: JSON.stringify({ messages }) }));
      let text = '';
      for await (const piece of stream.textStream) setAnswer({ model: stream.model, text: (text += piece) });
    } catch (error) {
      setAnswer({ error: error.message });
    }
  }
  return (
    <main>
      <h1>failsoft with Next.js</h1>
      <form onSubmit={submit}>
        <label>Your message <input name="text" /></label> <button>Send</button>
      </form>
      {answer.text && <p className="assistant"><b>{answer.model}</b> {answer.text}</p>}
      {answer.error && <p role="alert">{answer.error}</p>}
    </main>
  );
}
