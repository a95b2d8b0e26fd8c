/**
 * @file Writes the line of doc that each parameter has, its limits and its default into dist's types, where editors show it
 * for an option. The parameters are data, so only the built modules know; tsc sees no comments there.
 */

import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const dist = resolve("dist");
const parameter = /^(\s+)(?:readonly )?(\w+): (?:import\("[^"]+"\)\.)?Param</;

for (const name of await readdir(dist, { recursive: true })) {
  if (!name.endsWith(".d.ts")) continue;
  const file = join(dist, name);
  const text = await readFile(file, "utf8");
  const lines = text.split("\n");
  if (!lines.some((line) => parameter.test(line))) continue;
  const documented = document(lines, await import(pathToFileURL(file.replace(/\.d\.ts$/, ".js")))).join("\n");
  if (documented !== text) await writeFile(file, documented);
}

/** The lines with a comment above each parameter whose declaration is found. */
function document(lines, module) {
  const written = [];
  let specs = {};
  lines.forEach((line, at) => {
    const [, exported, name] = /^(export )?declare (?:abstract )?(?:const|class) (\w+)/.exec(line) ?? [];
    if (name) specs = specsOf(module, exported ? name : undefined, keysAfter(lines, at));
    const [, indent, key] = parameter.exec(line) ?? [];
    if (key && specs[key]) {
      if (/^\s*\/\*\* .* \*\/$/.test(written.at(-1))) written.pop(); // of a build before
      written.push(`${indent}/** ${comment(specs[key])} */`);
    }
    written.push(line);
  });
  return written;
}

/** The parameters of a class or maker; of a record that is not exported, those of what was made with it. */
function specsOf(module, name, keys) {
  if (name) return module[name]?.specs ?? module[name] ?? {};
  const all = Object.values(module).map((value) => value?.specs ?? {});
  return all.find((specs) => keys.every((key) => Object.hasOwn(specs, key))) ?? {};
}

/** Names of the parameters of the record that begins at a line. */
function keysAfter(lines, at) {
  const end = lines.findIndex((line, i) => i > at && line.startsWith("}"));
  return lines.slice(at, end).flatMap((line) => parameter.exec(line)?.[2] ?? []);
}

/** What the types say already is left out of what is expected. */
function comment({ doc, expected, default: value }) {
  const told = /^(true or false|a string|a column name|a number|a list of \w+|one of .*)$/.test(expected);
  const sentences = [doc, ...(told ? [] : [`Must be ${expected}`]), ...defaultOf(value)];
  return sentences.map(sentence).join(" ").replaceAll("*/", "*\\/");
}

function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}

function defaultOf(value) {
  if (value?.type) return [`Default ${value.type}`];
  return value === undefined || typeof value === "function" ? [] : [`Default \`${JSON.stringify(value)}\``];
}
