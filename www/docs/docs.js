// The documentation's script: search, buttons that copy code, and the list of pages on a narrow screen.

import MiniSearch from 'minisearch';

import { enableCopy } from '../copy.js';
import { byId, element } from '../dom.js';

const MOST_RESULTS = 8;
const EXCERPT = 140;

const input = byId('search');
const results = byId('results');
const found = byId('found');

/** The index, fetched when the visitor first uses the search. */
let index = null;

async function loadIndex() {
  const response = await fetch('/docs/search.json');
  if (!response.ok) throw new Error(`the index of the search answered ${response.status}`);
  const sections = await response.json();
  const search = new MiniSearch({
    idField: 'url',
    fields: ['heading', 'page', 'text'],
    storeFields: ['heading', 'page', 'text'],
    searchOptions: { boost: { heading: 4, page: 2 }, prefix: true, fuzzy: 0.15, combineWith: 'AND' },
  });
  search.addAll(sections);
  return search;
}

async function showResults() {
  const query = input.value.trim();
  if (!query) return hideResults();
  index ??= loadIndex();
  let hits;
  try {
    hits = (await index).search(query).slice(0, MOST_RESULTS);
  } catch {
    index = null;
    return showNote('The search is not available now.');
  }
  if (query !== input.value.trim()) return;
  if (hits.length === 0) return showNote(`Nothing found for “${query}”.`);
  results.replaceChildren(...hits.map((hit) => result(hit)));
  results.hidden = false;
  found.textContent = `${hits.length} ${hits.length === 1 ? 'result' : 'results'}`;
}

function result({ id, heading, page, text, terms }) {
  const place = heading === page ? '' : element('span', { class: 'place' }, page);
  return element('li', {},
    element('a', { href: `/docs/${id}` }, element('b', {}, heading), ' ', place, element('span', { class: 'excerpt' }, excerpt(text, terms))));
}

/** A piece of the text around the first of the terms. */
function excerpt(text, terms) {
  const places = terms.map((term) => text.toLowerCase().indexOf(term)).filter((place) => place >= 0);
  const start = Math.max(0, Math.min(...places, text.length) - 40);
  const from = places.length > 0 && start > 0 ? text.indexOf(' ', start) + 1 : 0;
  if (from + EXCERPT >= text.length) return `${from > 0 ? '… ' : ''}${text.slice(from).trim()}`;
  const piece = text.slice(from, text.lastIndexOf(' ', from + EXCERPT)).trim();
  return `${from > 0 ? '… ' : ''}${piece} …`;
}

function showNote(text) {
  results.replaceChildren(element('li', { class: 'note' }, text));
  results.hidden = false;
  found.textContent = text;
}

function hideResults() {
  results.hidden = true;
  found.textContent = '';
}

/** Moves the focus up or down through the results; above the first is the input. */
function moveFocus(by) {
  const links = [...results.querySelectorAll('a')];
  const next = links.indexOf(document.activeElement) + by;
  (links[next] ?? (next < 0 ? input : links.at(-1)))?.focus();
}

input.addEventListener('input', showResults);
input.addEventListener('focus', showResults);
input.parentElement.addEventListener('keydown', (event) => {
  if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    event.preventDefault();
    moveFocus(event.key === 'ArrowDown' ? 1 : -1);
  } else if (event.key === 'Enter' && event.target === input) {
    results.querySelector('a')?.click();
  } else if (event.key === 'Escape') {
    input.value = '';
    hideResults();
    input.blur();
  }
});
addEventListener('keydown', (event) => {
  const isTyping = event.target.matches?.('input, textarea, select');
  if (event.key !== '/' || isTyping || event.metaKey || event.ctrlKey || event.altKey) return;
  event.preventDefault();
  input.focus();
});
addEventListener('click', (event) => {
  if (!input.parentElement.contains(event.target) || event.target.closest('#results a')) hideResults();
});

for (const code of document.querySelectorAll('pre')) {
  code.tabIndex = 0;
  const button = element('button', { type: 'button', class: 'quiet copy' }, 'Copy');
  enableCopy(button, code);
  const frame = element('div', { class: 'frame' });
  code.replaceWith(frame);
  frame.append(code, button);
}

const pages = document.querySelector('.pages');
const narrow = matchMedia('(max-width: 820px)');
const fold = () => { pages.open = !narrow.matches; };
narrow.addEventListener('change', fold);
fold();
