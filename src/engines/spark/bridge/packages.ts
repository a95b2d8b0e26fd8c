/** @file The packages of native code that the worker needs, for the executors' platform. */

import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { EngineError } from "../../../errors.js";
import type { ZipEntry } from "./zip.js";

/** As Node names them: `linux`, `x64`. */
export interface Platform {
  readonly os: string;
  readonly cpu: string;
}

const code = /^(package\.json|(dist|lib)\/.*\.(c?js|mjs|json)|[\w-]+\.(c?js|mjs)|LICENSE.*)$/;

/** Name of each package, and which of its files are needed. */
function packagesFor({ os, cpu }: Platform): { name: string; keep: RegExp }[] {
  const target = `${os}-${cpu}`;
  return [
    { name: "onnxruntime-node", keep: new RegExp(`${code.source}|^bin/napi-v6/${os}/${cpu}/`) },
    { name: "onnxruntime-common", keep: /^(package\.json|dist\/cjs\/.*\.(js|json)|LICENSE)$/ },
    { name: "koffi", keep: /^(package\.json|[\w-]+\.c?js|(lib|src)\/.*\.c?js|LICENSE.*)$/ },
    { name: `@koromix/koffi-${target}`, keep: new RegExp(`^(package\\.json|.*\\.c?js|${os}_${cpu}/.*)$`) },
    {
      name: "@julusian/jpeg-turbo",
      keep: new RegExp(`^(package\\.json|[\\w-]+\\.js|LICENSE.*|prebuilds/jpeg-turbo-${target}/.*)$`),
    },
    { name: "sharp", keep: code },
    { name: "@img/colour", keep: /\.(c?js|json)$/ },
    { name: "detect-libc", keep: code },
    { name: "semver", keep: /\.(js|json)$/ },
    { name: `@img/sharp-${target}`, keep: /./ },
    { name: `@img/sharp-libvips-${target}`, keep: /^(package\.json|lib\/[^/]*|versions\.json)$/ },
  ];
}

/** The files under `node_modules/`. @throws EngineError where a package is not installed for the platform. */
export async function nativePackages(platform: Platform): Promise<ZipEntry[]> {
  const packages = packagesFor(platform).map((each) => ({ ...each, folder: find(each.name) }));
  const missing = packages.filter(({ folder }) => folder === undefined).map(({ name }) => name);
  if (missing.length > 0) {
    // all at once: npm takes away what an earlier --no-save brought
    const command = `npm install --no-save --force ${(await Promise.all(missing.map(versioned))).join(" ")}`;
    const message = `the executors run on ${platform.os} ${platform.cpu}, whose packages of native code are not installed here; run ${command}`;
    throw new EngineError("Spark", message, { code: "NO_PACKAGE", packages: missing });
  }
  const entries: ZipEntry[] = [];
  for (const { name, keep, folder = "" } of packages) {
    const files = await readdir(folder, { recursive: true, withFileTypes: true });
    for (const file of files.filter((entry) => entry.isFile())) {
      const path = relative(folder, join(file.parentPath, file.name)).replaceAll("\\", "/");
      if (!keep.test(path)) continue;
      entries.push({ name: `node_modules/${name}/${path}`, bytes: await readFile(join(folder, path)) });
    }
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The package in the version that belongs to ours, as in `@img/sharp-linux-arm64@0.35.5`. */
async function versioned(name: string): Promise<string> {
  for (const owner of ["koffi", "sharp"]) {
    const { optionalDependencies = {} } = JSON.parse(await readFile(join(find(owner) ?? "", "package.json"), "utf8"));
    if (name in optionalDependencies) return `${name}@${optionalDependencies[name]}`;
  }
  return name;
}

function find(name: string): string | undefined {
  const folders = createRequire(import.meta.url).resolve.paths(name) ?? [];
  return folders.map((folder) => join(folder, name)).find((folder) => existsSync(join(folder, "package.json")));
}
