/** The style of the element. Colours of the system follow the page's `color-scheme` and modes of high contrast. */
const CSS = `
:host { display: block; max-height: 40rem; color: var(--failsoft-ink, CanvasText); background: var(--failsoft-paper, Canvas); font: var(--failsoft-font, inherit); }
:host([hidden]), [hidden] { display: none !important; }
* { box-sizing: border-box; }
section { display: flex; flex-direction: column; gap: .75em; height: 100%; max-height: inherit; padding: 1em; border: 1px solid var(--failsoft-line, GrayText); border-radius: var(--failsoft-round, 12px); }
[part~=messages] { flex: 1; min-height: 6em; overflow-y: auto; overscroll-behavior: contain; }
[part~=message] + [part~=message] { margin-top: .75em; }
[part~=author], [part~=note], [part~=status] { font-size: .85em; }
[part~=author] { font-weight: 600; }
[part~=text] { white-space: pre-wrap; overflow-wrap: anywhere; }
[part~=user] [part~=text] { padding: .4em .7em; border: 1px solid var(--failsoft-line, GrayText); border-radius: var(--failsoft-round, 12px); }
[part~=error] { padding-left: .7em; border-left: 4px solid var(--failsoft-trouble, #c62828); }
[part~=error]:empty, [part~=status]:empty { display: none; }
[part~=status] { min-height: 1.4em; margin: 0; }
form { display: grid; grid-template-columns: 1fr auto; gap: .4em .5em; align-items: end; }
label { grid-column: 1 / -1; }
textarea, button { font: inherit; color: inherit; padding: .5em .8em; border: 1px solid var(--failsoft-line, GrayText); border-radius: var(--failsoft-round, 12px); background: transparent; }
textarea { resize: vertical; min-height: 2.6em; width: 100%; }
button { cursor: pointer; min-height: 2.6em; }
[part~=send] { color: var(--failsoft-accent-ink, #fff); background: var(--failsoft-accent, #1d4ed8); border-color: transparent; }
[part~=error] button { margin-left: .7em; }
[part~=regenerate] { align-self: start; }
:focus-visible { outline: 2px solid var(--failsoft-accent, Highlight); outline-offset: 2px; }
`;

let sheet;

/** One style sheet for all elements of the page. A Content-Security-Policy needs no 'unsafe-inline' for it. */
export function styleSheet() {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
  }
  return sheet;
}
