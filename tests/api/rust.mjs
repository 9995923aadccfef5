// The public API of the core, one line for each item, from the JSON of rustdoc. What rustdoc's JSON means:
// https://docs.rs/rustdoc-types. Its form belongs to the version of the compiler, which rust-toolchain.toml pins.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ROOT } from '../support/process.mjs';

export const RUST_REPORT = join(ROOT, 'tests/api/reports/rust.txt');
/** Where `cargo xtask api` lets rustdoc write. */
const JSON_OF_RUSTDOC = process.env.FAILSOFT_RUSTDOC;

const list = (values, render, between = ', ') => values.map(render).join(between);

/** A type as Rust writes it. */
function type(value) {
  if (value === null) return '()';
  const [[kind, of]] = Object.entries(value);
  switch (kind) {
    case 'primitive': case 'generic': return of;
    case 'resolved_path': return `${of.path}${generics(of.args)}`;
    case 'borrowed_ref': return `&${of.lifetime ? `${of.lifetime} ` : ''}${of.is_mutable ? 'mut ' : ''}${type(of.type)}`;
    case 'tuple': return `(${list(of, type)})`;
    case 'slice': return `[${type(of)}]`;
    case 'array': return `[${type(of.type)}; ${of.len}]`;
    case 'impl_trait': return `impl ${list(of, bound, ' + ')}`;
    case 'dyn_trait': return `dyn ${list(of.traits, ({ trait }) => `${trait.path}${generics(trait.args)}`, ' + ')}`;
    case 'qualified_path': return `<${type(of.self_type)} as ${of.trait?.path ?? '_'}>::${of.name}`;
    case 'function_pointer': return `fn(${list(of.sig.inputs, ([, input]) => type(input))}) -> ${type(of.sig.output)}`;
    default: throw new Error(`a type of the kind ${kind}`);
  }
}

const bound = (value) => (value.trait_bound ? `${value.trait_bound.trait.path}${generics(value.trait_bound.trait.args)}` : (value.outlives ?? JSON.stringify(value)));

function generics(args) {
  if (!args) return '';
  if (args.parenthesized) return `(${list(args.parenthesized.inputs, type)}) -> ${type(args.parenthesized.output)}`;
  const { args: values = [], constraints = [] } = args.angle_bracketed ?? {};
  const parts = [...values.map((value) => value.lifetime ?? (value.type ? type(value.type) : value.const?.expr ?? '_')), ...constraints.map(({ name, binding }) => `${name} = ${binding.equality ? type(binding.equality.type) : list(binding.constraint, bound, ' + ')}`)];
  return parts.length > 0 ? `<${parts.join(', ')}>` : '';
}

/** The parameters of a definition, such as `<'a, T: Read>`, without those that `impl Trait` makes. */
function parameters({ params, where_predicates: where }) {
  const shown = params.filter(({ kind }) => !kind.type?.is_synthetic);
  const one = ({ name, kind }) => (kind.type?.bounds.length ? `${name}: ${list(kind.type.bounds, bound, ' + ')}` : kind.const ? `const ${name}: ${type(kind.const.type)}` : name);
  const wheres = where.map((each) => JSON.stringify(each));
  return `${shown.length > 0 ? `<${list(shown, one)}>` : ''}${wheres.length > 0 ? ` where ${wheres.join(', ')}` : ''}`;
}

function functionLine(name, { sig, generics: own, header }) {
  const words = [header.is_const && 'const ', header.is_async && 'async ', header.is_unsafe && 'unsafe '].filter(Boolean).join('');
  return `${words}fn ${name}${parameters(own)}(${list(sig.inputs, ([input, of]) => `${input}: ${type(of)}`)})${sig.output ? ` -> ${type(sig.output)}` : ''}`;
}

/** The lines of the crate that rustdoc describes, sorted. */
export function describeCrate({ root, index }) {
  const lines = new Set();
  const seen = new Set();
  const reexports = [];
  const item = (id) => index[String(id)];
  const visit = (id, path) => {
    const found = item(id);
    if (!found || (found.visibility !== 'public' && found.visibility !== 'default')) return;
    const [[kind, inner]] = Object.entries(found.inner);
    const at = found.name ? `${path}${path && '::'}${found.name}` : path;
    const members = (ids) => ids.forEach((member) => visit(member, at));
    const attributes = found.attrs.some((attribute) => JSON.stringify(attribute).includes('non_exhaustive')) ? '#[non_exhaustive] ' : '';
    if (kind === 'module') return members(inner.items);
    if (kind === 'use') return reexports.push({ ...inner, path });
    seen.add(id);
    if (kind === 'function') return lines.add(functionLine(at, inner));
    if (kind === 'struct_field') return lines.add(`field ${at}: ${type(inner)}`);
    if (kind === 'constant' || kind === 'static') return lines.add(`${kind} ${at}: ${type(inner.type)}`);
    if (kind === 'type_alias') return lines.add(`type ${at}${parameters(inner.generics)} = ${type(inner.type)}`);
    if (kind === 'assoc_const') return lines.add(`const ${at}: ${type(inner.type)}`);
    if (kind === 'variant') {
      lines.add(`variant ${at}${inner.kind.tuple ? `(${list(inner.kind.tuple, (field) => (field === null ? '_' : type(item(field).inner.struct_field)))})` : ''}`);
      return members(inner.kind.struct?.fields ?? []);
    }
    if (kind !== 'struct' && kind !== 'enum' && kind !== 'trait') throw new Error(`an item of the kind ${kind}`);
    lines.add(`${attributes}${kind} ${at}${parameters(inner.generics)}`);
    members(inner.variants ?? inner.kind?.plain?.fields ?? inner.items ?? []);
    for (const [place, field] of (inner.kind?.tuple ?? []).entries()) if (field !== null) lines.add(`field ${at}::${place}: ${type(item(field).inner.struct_field)}`);
    for (const id of inner.impls ?? []) visitImplementation(item(id)?.inner.impl, at);
  };
  const visitImplementation = (found, at) => {
    if (!found || found.is_synthetic || found.blanket_impl) return;
    if (found.trait) return lines.add(`impl ${found.trait.path}${generics(found.trait.args)} for ${at}`);
    for (const id of found.items) visit(id, at);
  };
  visit(root, '');
  // What a private module defines is public under the path of the re-export.
  for (const { id, name, source, path } of reexports) {
    lines.add(`use ${path}::${name} = ${source}`);
    if (!seen.has(id)) visit(id, path);
  }
  return [...lines].sort();
}

/** The report of what rustdoc wrote last. */
export async function rustReport() {
  const crate = JSON.parse(await readFile(JSON_OF_RUSTDOC, 'utf8'));
  return `${describeCrate(crate).join('\n')}\n`;
}
