/** @file The one worker as few files of plain JavaScript, with the modules of user's stages and functions in it. */

import { fileURLToPath } from "node:url";
import { EngineError, messageOf } from "../../../errors.js";
import type { ZipEntry } from "./zip.js";

/** Packages that hold native code, and travel as they are; or that no worker needs. */
const outside = [
  "onnxruntime-node",
  "sharp",
  "koffi",
  "@julusian/jpeg-turbo",
  "@duckdb/node-api",
  "@duckdb/node-bindings",
  "@grpc/grpc-js",
  "esbuild",
];

/** @param modules URLs of modules that register classes of stages */
export async function bundleWorker(modules: readonly string[]): Promise<ZipEntry[]> {
  const { build } = await import("esbuild");
  const worker = fileURLToPath(new URL("../../../worker/executor.js", import.meta.url));
  const imports = [...modules.map((url) => fileURLToPath(url)), worker].map(
    (path) => `import ${JSON.stringify(path)};`,
  );
  try {
    const { outputFiles } = await build({
      stdin: {
        contents: imports.join("\n"),
        resolveDir: fileURLToPath(new URL(".", import.meta.url)),
        sourcefile: "executor.js",
      },
      outdir: "/",
      entryNames: "executor",
      chunkNames: "chunk-[hash]",
      bundle: true,
      splitting: true,
      write: false,
      format: "esm",
      platform: "node",
      target: "node20.20",
      minifySyntax: true,
      keepNames: true,
      external: [...outside],
      logLevel: "silent",
    });
    const files = outputFiles.map(({ path, contents }) => ({ name: path.replace(/^.*\//, ""), bytes: contents }));
    return [...files, { name: "package.json", bytes: new TextEncoder().encode('{"type":"module"}') }];
  } catch (cause) {
    const named = modules.length > 0 ? ` with ${modules.join(", ")}` : "";
    throw new EngineError("Spark", `cannot bundle the worker${named}: ${messageOf(cause)}`, { code: "BUNDLE", cause });
  }
}
