// Shows the answer while it arrives, a headline above it, and a problem below it.

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

  /** A call to these models begins. */
  begin(models) {
    this.#setState('asking');
    this.#setHeadline(['Asking ', id(models[0]), models.length > 1 && `; ${count(models.length - 1, 'other model')} can take over`], []);
    this.#text = new Text();
    this.#waiting = '';
    this.#answer.replaceChildren(this.#text);
    this.#answer.setAttribute('aria-busy', 'true');
    this.#trouble.replaceChildren();
  }

  /** A model has begun to answer. */
  showModel(model, report, firstToken) {
    this.#setState('answering');
    this.#setHeadline([model ? id(model) : 'A model', ' is answering'], [fallback(report), first(firstToken)]);
  }

  /** Appends a piece of the answer. The page is updated once per frame, however small the pieces are. */
  append(text) {
    this.#waiting += text;
    this.#frame ||= requestAnimationFrame(() => this.#flush());
  }

  /** The answer is complete. */
  finish(report, usage, firstToken) {
    this.#end('answered');
    const tokens = usage?.completion_tokens;
    this.#setHeadline(['Answered', report.model && ' by ', report.model && id(report.model)], [
      fallback(report),
      report.accepted === false && 'no answer passed the rules; this is the best one',
      first(firstToken),
      tokens != null && count(tokens, 'token'),
      report.cost != null ? usd(report.cost) : 'cost unknown',
    ]);
    if (this.#text.data.trim() === '') this.#answer.replaceChildren(element('span', { class: 'hint' }, 'The answer has no text.'));
  }

  /** The visitor stopped the call. */
  stop(after) {
    this.#end('stopped');
    this.#setHeadline(['Stopped'], [`by you, after ${time(after)}`]);
    if (this.#text.data) this.#answer.append(element('span', { class: 'cut' }, 'stopped here'));
  }

  /** No model answered, or the answer was cut. The text so far stays. */
  fail(error, report, after) {
    this.#end('failed');
    if (!this.#text.data && typeof error.partial === 'string') this.#text.data = error.partial;
    const hasText = this.#text.data !== '';
    const hasAttempts = report.attempts.length > 0;
    if (hasText) this.#answer.append(element('span', { class: 'cut' }, 'cut here'));
    else this.#answer.replaceChildren();
    this.#setHeadline([hasText ? 'The answer was cut' : hasAttempts ? 'No model answered' : 'The call was not made'], [
      `after ${time(after)}`,
      failures(report.attempts) > 1 && `${count(failures(report.attempts), 'failure')}`,
      report.cost != null && usd(report.cost),
    ]);
    const kind = kindOf(error, report);
    const title = kind && element('b', {}, whatHappened(kind), error.status ? ` (${error.status})` : '');
    const wait = error.retryAfter > 0 && ` Wait ${time(error.retryAfter)} first.`;
    this.#trouble.replaceChildren(
      element('p', {}, title, title && ': ', prose(error.message || 'no reason was given')),
      element('p', { class: 'todo' }, error.advice ?? whatToDo(kind), wait));
  }

  #setState(name) {
    this.#result.dataset.state = name;
  }

  #setHeadline(headline, facts) {
    this.#headline.replaceChildren(...headline.filter(Boolean));
    const parts = facts.filter(Boolean).flatMap((fact, at) => (at > 0 ? [' · ', fact] : [fact]));
    this.#facts.replaceChildren(...parts);
  }

  #end(state) {
    this.#flush();
    this.#setState(state);
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
const first = (ms) => ms != null && `first text after ${time(ms)}`;

/** An error that comes through an edge has the message of an attempt, whose kind is more exact. */
const kindOf = ({ kind, message }, { attempts }) => attempts.find(({ failure }) => failure?.message === message)?.failure.kind ?? kind;

function fallback({ fallback: isFallback, attempts, dropped = [] }) {
  const failed = failures(attempts);
  const reasons = [failed > 0 && count(failed, 'failure'), failed === 0 && dropped.length > 0 && `${count(dropped.length, 'model')} left out`];
  const after = list.format(reasons.filter(Boolean));
  if (isFallback) return element('span', { class: 'fallback' }, after ? `fallback after ${after}` : 'fallback');
  return failed > 0 ? `after ${after}` : 'the first model';
}
