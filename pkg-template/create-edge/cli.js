#!/usr/bin/env node
// `npm create failsoft-edge`: asks what is not given by a flag, and writes the folder of an edge.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';

import { UPSTREAMS, writeProject } from './project.js';

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));

const HELP = `npm create failsoft-edge [FOLDER] -- [OPTIONS]

  --upstream NAME   ${Object.keys(UPSTREAMS).join(', ')}, or the base URL of an API that speaks OpenAI's protocol
  --models LIST     the models that clients may use, in order of preference, with commas between them
  --origins LIST    the web pages that may call, such as https://app.example.com; empty for programs only
  --edge VERSION    the version of failsoft-edge, or the path of its tarball; ${version} by default

What no option says is asked; without a terminal, the first upstream, its models, and no web page.`;

const QUESTIONS = {
  upstream: [`Which API shall the edge call (${Object.keys(UPSTREAMS).join(', ')}, or a URL)?`, () => 'openrouter'],
  models: ['Which models may clients use, in order of preference?', ({ upstream }) => UPSTREAMS[upstream]?.models.join(',') ?? ''],
  origins: ['Which web pages may call, such as https://app.example.com? (empty: programs only)', () => ''],
};

try {
  const options = { upstream: { type: 'string' }, models: { type: 'string' }, origins: { type: 'string' }, edge: { type: 'string', default: version }, help: { type: 'boolean', short: 'h' } };
  const { values, positionals: [folder = 'failsoft-edge'] } = parseArgs({ options, allowPositionals: true });
  if (values.help) console.log(HELP);
  else console.log(await writeProject(folder, await complete(values)));
} catch (error) {
  console.error(`create-failsoft-edge: ${error.message}`);
  process.exitCode = 1;
}

/** The answers to the questions that no option has answered. */
async function complete(values) {
  const terminal = process.stdin.isTTY ? createInterface({ input: process.stdin, output: process.stdout }) : undefined;
  const answers = { ...values };
  for (const [name, [question, usual]] of Object.entries(QUESTIONS)) {
    if (answers[name] !== undefined) continue;
    const standard = usual(answers);
    answers[name] = (await terminal?.question(`${question}${standard ? ` [${standard}]` : ''} `)) || standard;
  }
  terminal?.close();
  return answers;
}
