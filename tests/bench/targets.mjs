// The targets of the project, and whether a run has met them.

/** What is measured, its unit, and the most that it may be. */
const TARGETS = {
  bundle: ['default entry, JavaScript and WebAssembly, gzip', 'KB', 82],
  firstUse: ['first use, failsoft / openai', 'ratio', 1.0],
  textOpenai: ['text, 16 KiB chunks, failsoft / openai', 'ratio', 0.1],
  textParser: ['text, 16 KiB chunks, failsoft / eventsource-parser + JSON.parse', 'ratio', 0.5],
  eventOpenai: ['text, one event per chunk, failsoft / openai', 'ratio', 0.5],
  eventParser: ['text, one event per chunk, failsoft / eventsource-parser + JSON.parse', 'ratio', 1.1],
  randomParser: ['text, 1 to 64 bytes at random, failsoft / eventsource-parser + JSON.parse', 'ratio', 1.0],
  memory: ['memory of a million events, beside the text', 'MiB', 1.5],
  oldJson: ['the edge, JSON call with key, hold and settlement: CPU, this build / the old build', 'ratio', 1.03],
  oldStream: ['the edge, stream in the lane `gate`: CPU, this build / the old build', 'ratio', 1.03],
};

/** A table of the targets that `measured` has a value for. */
export function checkTargets(measured) {
  const rows = Object.entries(TARGETS).filter(([name]) => name in measured).map(([name, [what, unit, most]]) => {
    const value = measured[name];
    return [what, unit, value.toFixed(2), `≤ ${most}`, value <= most ? 'yes' : 'NO'];
  });
  const head = ['what', 'unit', 'measured', 'target', 'met'];
  return rows.length > 0 ? { title: 'Targets', head, rows } : { title: 'Targets', about: 'No part of this run has a target.' };
}
