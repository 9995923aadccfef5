/** What the element says. */
export const WORDS = {
  label: 'Chat',
  placeholder: '',
  input: 'Your message',
  send: 'Send',
  stop: 'Stop',
  retry: 'Try again',
  regenerate: 'Another answer',
  user: 'You',
  assistant: 'Assistant',
  waiting: 'Waiting for an answer …',
  incomplete: 'This answer is incomplete.',
  advice: ({ advice }) => advice.text,
};
