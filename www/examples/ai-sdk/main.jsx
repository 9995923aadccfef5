import { useState } from 'react';
import { createRoot } from 'react-dom/client';
import { useChat } from '@ai-sdk/react';
import { adviceOf, createTransport } from 'failsoft/ai';

import { client } from '../client.js';

const transport = createTransport(client);

const textOf = ({ parts }) => parts.map(({ type, text }) => (type === 'text' ? text : '')).join('');

function Chat() {
  const [text, setText] = useState('');
  const { messages, status, error, sendMessage, stop, regenerate } = useChat({ transport });
  const isRunning = status === 'submitted' || status === 'streaming';
  const submit = (event) => {
    event.preventDefault();
    sendMessage({ text });
    setText('');
  };
  return (
    <main>
      <h1>failsoft with the AI SDK</h1>
      {messages.map((message) => (
        <p key={message.id} className={message.role}><b>{message.metadata?.model ?? message.role}</b> {textOf(message)}</p>
      ))}
      {error && <p role="alert">{adviceOf(error).text} {adviceOf(error).canRetry && <button onClick={() => regenerate()}>Try again</button>}</p>}
      <form onSubmit={submit}>
        <label>Your message <input value={text} onChange={(event) => setText(event.target.value)} /></label>
        {isRunning ? <button type="button" onClick={stop}>Stop</button> : <button>Send</button>}
        <button type="button" onClick={() => regenerate()}>Another answer</button>
      </form>
    </main>
  );
}

createRoot(document.getElementById('app')).render(<Chat />);
