// Creates elements without parsing HTML: what a model or an API sends is always shown as text.

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** A new element. An attribute or a child that is `false`, `null` or `undefined` is left out; a function is a listener. */
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

/** The nodes of a text in which `backticks` mark code. */
export function prose(text) {
  return text.split('`').map((part, at) => (at % 2 ? element('code', {}, part) : part));
}
