// Elements without markup: what a model or an upstream says is only ever text.

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** A new element. `false`, `null` and `undefined` leave an attribute or a child out; functions are listeners. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value == null) continue;
    if (typeof value === 'function') made.addEventListener(key, value);
    else made.setAttribute(key, value === true ? '' : value);
  }
  made.append(...children.flat().filter((child) => child !== false && child != null));
  return made;
}

/** Text in which `backticks` mark code. */
export function prose(text) {
  return text.split('`').map((part, at) => (at % 2 ? element('code', {}, part) : part));
}
