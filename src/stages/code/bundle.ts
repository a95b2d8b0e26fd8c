/** @file A module of the user's with everything it imports, as one text that any thread or machine can load. */

import { createHash } from "node:crypto";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { listNames, messageOf, ParamError, type Who } from "../../errors.js";
import { Asset } from "../../util/asset.js";

/** Begins the last line of a bundle, which tells where its lines come from. */
export const mapMark = "\n//deepframe-map ";

const made = new Map<string, Promise<Asset>>();

/**
 * The bundle of a module. @param exported the function that must be in it
 *
 * @throws ParamError where the module cannot be bundled, with file and line, or lacks the export.
 */
export async function bundleModule(url: string, exported: string, who: Who): Promise<Asset> {
  const { build } = await import("esbuild");
  const path = fileURLToPath(url);
  const result = await build({
    entryPoints: [path],
    absWorkingDir: dirname(path),
    outfile: "bundle.mjs",
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "node20.20",
    sourcemap: "external",
    sourcesContent: false,
    metafile: true,
    keepNames: true,
    logLevel: "silent",
    // packages of CommonJS ask for what Node has by require
    banner: { js: 'import { createRequire as __require } from "node:module"; const require = __require("file:///");' },
  }).catch((cause) => {
    throw new ParamError(who, `cannot bundle ${basename(path)}: ${reasonOf(cause)}`, { code: "BUNDLE", cause });
  });
  const exports = Object.values(result.metafile.outputs).flatMap((output) => output.exports);
  if (!exports.includes(exported)) {
    throw new ParamError(who, `${basename(path)} has no export "${exported}" (it has ${listNames(exports)})`, {
      code: "NO_EXPORT",
    });
  }
  const text = (end: string) => result.outputFiles.find((file) => file.path.endsWith(end))!.text;
  const bytes = new TextEncoder().encode(`${text(".mjs")}${mapMark}${JSON.stringify(JSON.parse(text(".map")))}\n`);
  return keep(bytes);
}

/** Equal bundles are one asset. */
function keep(bytes: Uint8Array): Promise<Asset> {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const known = made.get(sha256) ?? Promise.resolve(new Asset(bytes, sha256));
  made.set(sha256, known);
  return known;
}

/** The first of esbuild's errors, with its place. */
function reasonOf(cause: unknown): string {
  type Message = { readonly text: string; readonly location: { readonly file: string; readonly line: number } | null };
  const [first] = (cause as { errors?: readonly Message[] }).errors ?? [];
  if (first === undefined) return messageOf(cause);
  return first.location === null ? first.text : `${first.location.file}:${first.location.line}: ${first.text}`;
}
