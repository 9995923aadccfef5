// The page of the documentation that describes every option.

import { join } from 'node:path';

import { ROOT } from '../support/process.mjs';

export const PAGE = join(ROOT, 'www/docs/options.md');
const BEGIN = '<!-- made by `cargo xtask reference --write`: options -->';
const END = '<!-- end -->';

/** The page with the options of `groups` in the place of what it has between both comments. */
export function replacePart(page, groups) {
  const [before, rest] = page.split(BEGIN);
  const after = rest.slice(rest.indexOf(END));
  return `${before}${BEGIN}\n\n${groups.map(describeGroup).join('\n\n')}\n\n${after}`;
}

/** The entry of the package from which a declaration file comes. */
const ENTRIES = ['ai', 'chat', 'react', 'testing', 'tools', 'slim', 'element'];
/** Where the options of an interface stand in the options of a call. */
const PREFIXES = { Policy: ['policy'] };
const entryOf = (file) => (ENTRIES.includes(file) ? `failsoft/${file}` : 'failsoft');

function describeGroup(group) {
  const { name, file, text, throws, options } = group;
  const title = `## \`${name}\` of \`${entryOf(file)}\``;
  return [title, text, throws && `**Errors:** ${throws}`, ...options.map((option) => describeOption(option, PREFIXES[name] ?? []))].filter(Boolean).join('\n\n');
}

function describeOption({ path, isRequired, type, text, throws, example, ...option }, prefix) {
  const facts = [code(type), isRequired ? 'required' : `default: ${defaultText(option.default ?? '')}`];
  const shown = [`### \`${[...prefix, ...path].join('.')}\``, `${facts.join(' · ')}`, text];
  if (throws) shown.push(`**Errors:** ${throws}`);
  if (example) shown.push(`Example: ${code(`${path.at(-1)}: ${example}`)}`);
  return shown.join('\n\n');
}

/** Code in one line, which may have backticks. */
const code = (text) => (text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``);

/** A default as code if it is a value, and otherwise as words, whose quoted values are code. */
const defaultText = (text) => (/^('[^']*'|\[.*\]|-?[\d._]+|true|false|[\w]+\.\w+)$/.test(text) ? code(text) : text.replaceAll(/(?<!`)'([^'` ]+)'/g, "`'$1'`"));

