// A table whose cells are what runs found. The tests and the command `cargo xtask matrix` make the same runs.

import { table } from '../support/markdown.mjs';

const WRONG = 'WRONG';

/** A table with these heads; the first `fixed` columns name a row, and the others are filled by runs. */
export class Grid {
  #heads;
  #fixed;
  #rows = [];
  /** All runs, as `{ title, act, skip }`. `act` throws if something is wrong; `skip` says why it cannot run here, or is false. */
  runs = [];

  constructor(heads, fixed) {
    this.#heads = heads;
    this.#fixed = fixed;
  }

  /** Adds a row. The function that is returned adds a run to one of its cells: `act` gives the text of the cell. */
  addRow(...names) {
    const found = new Map();
    this.#rows.push({ names, found });
    return (column, title, act, skip = false) => {
      const texts = found.get(column) ?? [];
      found.set(column, texts);
      const at = texts.push(WRONG) - 1;
      this.runs.push({ title, act: async () => { texts[at] = await act(); }, skip });
    };
  }

  /** The table in Markdown. A cell with several texts has each of them once. */
  markdown() {
    const columns = this.#heads.slice(this.#fixed);
    const textOf = (texts = ['–']) => [...new Set(texts)].join(', ');
    const rows = this.#rows.map(({ names, found }) => [...names, ...columns.map((column) => textOf(found.get(column)))]);
    return table([this.#heads, ...rows]);
  }
}
