// The options of the package as its type declarations describe them.
//
// Every exported interface whose name ends with `Options` has options, and so have those of `OTHERS`. A field whose type is an
// object has fields of its own.

import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import ts from 'typescript-5.9';

import { ROOT } from '../support/process.mjs';

export const FOLDER = join(ROOT, 'pkg-template');
const OTHERS = ['RequestFields', 'Policy', 'ModelInfo'];
/** The files whose interfaces come first; the others follow in the order of their names. */
const FIRST = ['options', 'request', 'policy'];

/** The groups of options, one for each interface: its name, file, comment and options. */
export async function readGroups() {
  const files = (await readdir(FOLDER)).filter((file) => file.endsWith('.d.ts')).map((file) => file.replace('.d.ts', '')).sort();
  const order = [...FIRST, ...files.filter((file) => !FIRST.includes(file))];
  const groups = await Promise.all(order.map(async (file) => groupsOf(file, await readFile(join(FOLDER, `${file}.d.ts`), 'utf8'))));
  return groups.flat();
}

/** The groups of one declaration file. */
export function groupsOf(file, text) {
  const source = ts.createSourceFile(`${file}.d.ts`, text, ts.ScriptTarget.ES2022, true);
  const isGroup = (statement) => ts.isInterfaceDeclaration(statement) && (statement.name.text.endsWith('Options') || OTHERS.includes(statement.name.text));
  return source.statements.filter(isGroup).map((declaration) => ({
    file,
    name: declaration.name.text,
    ...commentOf(declaration),
    options: declaration.members.flatMap((member) => optionsOf(member, [])),
  }));
}

/** The option that a member declares, and those within it. */
function optionsOf(member, outer) {
  const path = [...outer, member.name.text];
  const option = { path, isRequired: !member.questionToken, type: shortType(member.type), ...commentOf(member) };
  return [option, ...fieldsOf(member.type).flatMap((field) => optionsOf(field, path))];
}

/** The commented fields of an object type, also as the argument of `Rule`. */
function fieldsOf(type) {
  const object = ts.isTypeReferenceNode(type) && type.typeName.text === 'Rule' ? type.typeArguments?.[0] : type;
  return object && ts.isTypeLiteralNode(object) ? object.members.filter((field) => field.jsDoc) : [];
}

/** The type in one line, without fields that are described on their own. */
function shortType(type) {
  if (fieldsOf(type).length === 0) return oneLine(type.getText());
  return ts.isTypeLiteralNode(type) ? 'object' : 'Rule';
}

const oneLine = (text) => (text ?? '').replaceAll(/\s+/g, ' ').trim();

/** The text of a comment and its tags: `default`, `example`, `throws`. */
function commentOf(node) {
  const comment = node.jsDoc?.at(-1);
  const textOf = (part) => oneLine(ts.getTextOfJSDocComment(part)).replaceAll(/\{@link (\w+)\}/g, '`$1`');
  // The class of an error in braces is no part of its tag's comment.
  const classOf = ({ typeExpression }) => (typeExpression ? `\`${typeExpression.type.getText()}\` ` : '');
  const tags = Object.fromEntries((comment?.tags ?? []).map((tag) => [tag.tagName.text, `${classOf(tag)}${textOf(tag.comment)}`]));
  return { text: textOf(comment?.comment), default: tags.default, example: tags.example, throws: tags.throws };
}

/** What the comment of an option lacks; an empty list for a whole comment. */
export function lacking(option, group) {
  const { isRequired, type, text } = option;
  const isNumber = /^number( \| null)?$/.test(type);
  const rules = {
    'a description': text.length > 10,
    'its @default': isRequired || Boolean(option.default),
    'an @example': Boolean(option.example),
    'its range': !isNumber || /\bFrom -?[\d.]|\bA whole number\b/.test(text),
    'its @throws, or that of the interface': Boolean(option.throws || group.throws),
  };
  return Object.keys(rules).filter((rule) => !rules[rule]);
}

/** TypeScript that gives each example to its option. The compiler accepts it if every example has the type of its option. */
export function examplesAsProgram(groups) {
  const lines = groups.flatMap(({ file, name, options }) => options.map(({ path, example }) => {
    const type = path.reduce((outer, key) => `Field<${outer}, '${key}'>`, `import('./${file}.js').${name}`);
    return `options.push((${example}) satisfies ${type});`;
  }));
  return `type Field<Whole, Key> = Whole extends object ? (Key extends keyof Whole ? Whole[Key] : never) : never;
import { createClient } from './index.js';
import { type RunnableTool } from './tools.js';
declare const process: { env: Record<string, string> };
declare const openrouterKey: string, openaiKey: string;
declare const weather: RunnableTool;
const options: unknown[] = [];
${lines.join('\n')}
export { options };
`;
}

/** What the compiler says about a program beside the declarations. */
export function compile(text) {
  const file = join(FOLDER, 'examples.ts');
  const settings = { strict: true, noEmit: true, skipLibCheck: true, types: [], target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'] };
  const host = ts.createCompilerHost(settings);
  const { getSourceFile, fileExists } = host;
  host.getSourceFile = (name, ...rest) => (name === file ? ts.createSourceFile(name, text, settings.target, true) : getSourceFile(name, ...rest));
  host.fileExists = (name) => name === file || fileExists(name);
  const program = ts.createProgram([file], settings, host);
  return ts.getPreEmitDiagnostics(program).map((found) => {
    const line = found.file ? found.file.text.split('\n')[found.file.getLineAndCharacterOfPosition(found.start).line] : '';
    return `${ts.flattenDiagnosticMessageText(found.messageText, '\n')}: ${line}`;
  });
}
