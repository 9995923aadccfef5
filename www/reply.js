// The answer as it comes, the headline above it, and the trouble below it.

import { byId, element, prose } from './dom.js';
import { count, failures, list, time, usd, whatHappened, whatToDo } from './words.js';

export class Reply {
  #result = byId('result');
  #headline = byId('headline');
  #facts = byId('facts');
  #answer = byId('answer');
  #trouble = byId('trouble');
  #text = new Text();
  #waiting = '';
  #frame = 0;

  /** A call to these models has begun. */
  begin(models) {
    this.#state('asking');
    this.#say(['Asking ', id(models[0]), models.length > 1 && ` with ${count(models.length - 1, 'model')} behind it`], []);
    this.#text = new Text();
    this.#waiting = '';
    this.#answer.replaceChildren(this.#text);
    this.#answer.setAttribute('aria-busy', 'true');
    this.#trouble.replaceChildren();
  }

  /** A model has begun to answer. */
  committed(model, report, firstToken) {
    this.#state('answering');
    this.#say([model ? id(model) : 'A model', ' is answering'], [fallback(report), first(firstToken)]);
  }

  /** More of the answer. Text is laid out once a frame, however small its pieces. */
  append(text) {
    this.#waiting += text;
    this.#frame ||= requestAnimationFrame(() => this.#flush());
  }

  /** The answer is whole. */
  answered(report, usage, firstToken) {
    this.#end('answered');
    const tokens = usage?.completion_tokens;
    this.#say(['Answered', report.model && ' by ', report.model && id(report.model)], [
      fallback(report),
      report.accepted === false && 'the best of answers that did not pass',
      first(firstToken),
      tokens != null && count(tokens, 'token'),
      report.cost != null ? usd(report.cost) : 'cost not told',
    ]);
    if (this.#text.data.trim() === '') this.#answer.replaceChildren(element('span', { class: 'hint' }, 'The answer has no text.'));
  }

  /** The user stopped the call. */
  stopped(after) {
    this.#end('stopped');
    this.#say(['Stopped'], [`by you, after ${time(after)}`]);
    if (this.#text.data) this.#answer.append(element('span', { class: 'cut' }, 'stopped here'));
  }

  /** Nothing answered, or not to the end. What was said stays. */
  failed(error, report, after) {
    this.#end('failed');
    if (!this.#text.data && typeof error.partial === 'string') this.#text.data = error.partial;
    const said = this.#text.data !== '';
    const asked = report.attempts.length > 0;
    if (said) this.#answer.append(element('span', { class: 'cut' }, 'cut here'));
    else this.#answer.replaceChildren();
    this.#say([said ? 'The answer was cut' : asked ? 'No model answered' : 'The call was not made'], [
      `after ${time(after)}`,
      failures(report.attempts) > 1 && `${count(failures(report.attempts), 'failure')}`,
      report.cost != null && usd(report.cost),
    ]);
    const kind = error.kind && element('b', {}, whatHappened(error.kind), error.status ? ` (${error.status})` : '');
    const wait = error.retryAfter > 0 && ` It asks to wait ${time(error.retryAfter)}.`;
    this.#trouble.replaceChildren(
      element('p', {}, kind, kind && ': ', prose(error.message || 'no reason was given')),
      element('p', { class: 'todo' }, error.advice ?? whatToDo(error.kind), wait));
  }

  #state(name) {
    this.#result.dataset.state = name;
  }

  #say(headline, facts) {
    this.#headline.replaceChildren(...headline.filter(Boolean));
    const told = facts.filter(Boolean).flatMap((fact, at) => (at > 0 ? [' · ', fact] : [fact]));
    this.#facts.replaceChildren(...told);
  }

  #end(state) {
    this.#flush();
    this.#state(state);
    this.#answer.setAttribute('aria-busy', 'false');
  }

  #flush() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const { scrollHeight, scrollTop, clientHeight } = this.#answer;
    const atEnd = scrollHeight - scrollTop - clientHeight < 24;
    this.#text.appendData(this.#waiting);
    this.#waiting = '';
    if (atEnd) this.#answer.scrollTop = this.#answer.scrollHeight;
  }
}

const id = (model) => element('span', { class: 'id' }, model);
const first = (ms) => ms != null && `${(ms / 1000).toFixed(2)} s to first token`;

function fallback({ fallback: fell, attempts, dropped = [] }) {
  const failed = failures(attempts);
  const reasons = [failed > 0 && count(failed, 'failure'), failed === 0 && dropped.length > 0 && `${count(dropped.length, 'model')} left out`];
  const after = list.format(reasons.filter(Boolean));
  if (fell) return element('span', { class: 'fallback' }, after ? `fallback after ${after}` : 'fallback');
  return failed > 0 ? `after ${after}` : 'first choice';
}
