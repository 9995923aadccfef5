import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { useChat } from 'failsoft/react';

import { client } from '../client.js';

function Chat() {
  const [text, setText] = useState('');
  const { messages, status, error, send, stop, retry, regenerate } = useChat({ client });
  const isRunning = status === 'submitted' || status === 'streaming';
  const submit = (event) => {
    event.preventDefault();
    send(text);
    setText('');
  };
  return (
    <main>
      <h1>failsoft with React</h1>
      {messages.map(({ id, role, content, model }) => (
        <p key={id} className={role}><b>{model ?? role}</b> {content}</p>
      ))}
      {error && <p role="alert">{error.advice.text} {error.advice.canRetry && <button onClick={retry}>Try again</button>}</p>}
      <form onSubmit={submit}>
        <label>Your message <input value={text} onChange={(event) => setText(event.target.value)} /></label>
        {isRunning ? <button type="button" onClick={stop}>Stop</button> : <button>Send</button>}
        <button type="button" onClick={regenerate}>Another answer</button>
      </form>
    </main>
  );
}

createRoot(document.getElementById('app')).render(<StrictMode><Chat /></StrictMode>);
