// Files of comma-separated values.

/** Rows as CSV. Numbers stay numbers; a text that a spreadsheet would take for a formula gets an apostrophe before it. */
export function toCsv(titles, rows) {
  const cell = (value) => {
    if (typeof value === 'number') return String(value);
    const text = String(value ?? '');
    return `"${(/^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
  };
  return [titles, ...rows].map((row) => row.map(cell).join(',')).join('\r\n').concat('\r\n');
}

/** Saves `text` as a file on this machine. */
export function download(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
