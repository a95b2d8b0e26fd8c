/** @file Writes docs/REFERENCE.md: all stages, layers and their like, by their declarations and the comments before them. */

import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import * as deepframe from "../../src/index.js";
import type { Param, ParamSpecs } from "../../src/util/params.js";

const { nn, optim, callbacks } = deepframe;
const source = fileURLToPath(new URL("../../../src", import.meta.url));

interface Family {
  readonly title: string;
  /** What stands before the names. */
  readonly prefix: string;
  readonly members: object;
  /** What their files begin with, below src. */
  readonly folder: string;
}

const families: readonly Family[] = [
  { title: "Stages", prefix: "new ", members: deepframe, folder: "" },
  { title: "Layers", prefix: "nn.", members: nn, folder: "nn/layers/" },
  { title: "Activations", prefix: "nn.activations.", members: nn.activations, folder: "nn/activations" },
  { title: "Initializers", prefix: "nn.initializers.", members: nn.initializers, folder: "nn/initializers" },
  { title: "Regularizers", prefix: "nn.regularizers.", members: nn.regularizers, folder: "nn/regularizers" },
  { title: "Losses", prefix: "nn.losses.", members: nn.losses, folder: "nn/losses/" },
  { title: "Metrics", prefix: "nn.metrics.", members: nn.metrics, folder: "nn/metrics/" },
  {
    title: "Optimizers",
    prefix: "optim.",
    members: only(optim, ({ clipNorm }) => clipNorm !== undefined),
    folder: "optim/",
  },
  {
    title: "Schedules",
    prefix: "optim.",
    members: only(optim, ({ clipNorm }) => clipNorm === undefined),
    folder: "optim/",
  },
  { title: "Callbacks", prefix: "callbacks.", members: callbacks, folder: "train/callbacks/" },
];

const head = `# Reference

Stages, layers, losses and all else that is made with options. This file is written by \`npm run docs:reference\` from the declarations;
a test fails when it is out of date. Options without a default are required unless they say optional. How they go together:
[README](../README.md), [training](training.md), [Spark](spark.md); operators and their gradients: [GRADIENTS](GRADIENTS.md);
callbacks of functions (\`progressBar\`, \`lambdaCallback\`, \`history\`): [training](training.md).

`;

/** The text of docs/REFERENCE.md. */
export function referenceDoc(): string {
  const index = families.map(({ title }) => `- [${title}](#${title.toLowerCase().replaceAll(" ", "-")})`).join("\n");
  return `${head}${index}\n${families.map(section).join("")}`;
}

function section({ title, prefix, members, folder }: Family): string {
  const comments = commentsIn(folder);
  const found = made(members);
  const isCommon = (key: string) => found.every(([, specs]) => specs[key] === found[0]![1][key]);
  const common = Object.entries(found[0]![1]).filter(([key]) => isCommon(key));
  const parts = found.map(([name, specs]) => {
    const own = Object.entries(specs).filter(([key]) => !isCommon(key));
    return `\n### ${prefix}${name}\n\n${comments.get(name) ?? ""}\n${list(own)}`;
  });
  return `\n## ${title}\n${common.length > 0 ? `\nAll of them have:\n${list(common)}` : ""}${parts.join("")}`;
}

function only(members: object, isOne: (specs: ParamSpecs) => boolean): object {
  return Object.fromEntries(Object.entries(members).filter(([, { specs }]) => specs !== undefined && isOne(specs)));
}

/** What users make with options; models come from fits and files. */
function made(members: object): (readonly [name: string, specs: ParamSpecs])[] {
  const isModel = (member: object) => "prototype" in member && member.prototype instanceof deepframe.Model;
  return Object.entries(members).flatMap(([name, member]: [string, { readonly specs?: ParamSpecs }]) =>
    member.specs === undefined || isModel(member) ? [] : [[name, member.specs] as const],
  );
}

function list(specs: readonly (readonly [name: string, spec: Param<unknown>])[]): string {
  const options = specs.map(([name, spec]) => `- ${option(name, spec)}\n`);
  return options.length > 0 ? `\n${options.join("")}` : "";
}

function option(name: string, { doc, expected, optional, default: value }: Param<unknown>): string {
  // names of activations and the like have sections of their own
  const short = expected.replace(/ or the name of one \(.*\)$/, " or its name");
  const kind = optional && value === undefined ? `optional, ${short}` : short;
  return `\`${name}\`: ${doc}; ${kind}${optional && value !== undefined ? `; default ${told(value)}` : ""}`;
}

function told(value: unknown): string {
  if (typeof value === "function") return "a function";
  const type = (value as { readonly type?: string }).type;
  return `\`${type ?? (typeof value === "number" ? value : JSON.stringify(value))}\``;
}

/** The first paragraph of the comment before each declaration, by name. */
function commentsIn(folder: string): ReadonlyMap<string, string> {
  const files = readdirSync(source, { recursive: true, encoding: "utf8" })
    .map((file) => join(source, file))
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .filter((file) => relative(source, file).replaceAll("\\", "/").startsWith(folder))
    .sort();
  const declaration = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport (?:abstract )?(?:const|class|function) (\w+)/g;
  const comments = files.flatMap((file) => [...readFileSync(file, "utf8").matchAll(declaration)]);
  return new Map(comments.map(([, comment, name]) => [name!, firstParagraph(comment!)]));
}

function firstParagraph(comment: string): string {
  const lines = comment.split("\n").map((line) => line.replace(/^ *\* ?/, "").trim());
  const text = lines.join("\n").trim();
  return text.split(/\n\n|\n@|^@/)[0]!.replaceAll("\n", " ");
}
