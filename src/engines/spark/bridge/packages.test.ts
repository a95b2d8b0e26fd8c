/** @file Native code for executors: each binary is of their processor. */

import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { nativePackages } from "./packages.js";

/** The processor of an ELF file by the number in its header; undefined for other files. */
function machineOf(bytes: Uint8Array): string | undefined {
  const { buffer, byteOffset } = bytes;
  if (bytes.length < 20 || new DataView(buffer, byteOffset).getUint32(0) !== 0x7f454c46) return undefined;
  const number = new DataView(buffer, byteOffset).getUint16(18, true);
  return { 62: "x64", 183: "arm64" }[number] ?? `machine ${number}`;
}

/** What is compiled in it, in the folders of npm's packages. */
const wanted = [
  /onnxruntime_binding\.node$/,
  /libonnxruntime\.so\.1$/,
  /koffi\.node$/,
  /libturbojpeg\.so\.0$/,
  /sharp-linux-\w+(-[\d.]+)?\.node$/,
  /libvips-cpp\.so/,
];

describe.each(["x64", "arm64"])("native packages for linux %s", (cpu) => {
  // npm installs those of this machine alone
  const optional = [`@koromix/koffi-linux-${cpu}`, `@img/sharp-linux-${cpu}`, `@img/sharp-libvips-linux-${cpu}`];
  const missing = optional.filter((name) => !existsSync(`node_modules/${name}`));
  const why = missing.length > 0 ? ` (skipped: npm install --no-save --force ${missing.join(" ")})` : "";

  test.skipIf(missing.length > 0)(`hold its binaries and no others${why}`, async () => {
    const files = await nativePackages({ os: "linux", cpu });
    const binaries = files.map(({ name, bytes }) => ({ name, machine: machineOf(bytes) }));
    const compiled = binaries.filter(({ machine }) => machine !== undefined);
    expect(compiled.filter(({ machine }) => machine !== cpu)).toEqual([]);
    for (const name of wanted) expect(compiled.some((file) => name.test(file.name))).toBe(true);
  });
});

test("packages that are not installed for a platform are named together, in the versions that fit", async () => {
  await expect(nativePackages({ os: "linux", cpu: "riscv64" })).rejects.toThrow(
    /^Spark: the executors run on linux riscv64, whose packages of native code are not installed here; run npm install --no-save --force @koromix\/koffi-linux-riscv64@[\d.]+ @img\/sharp-linux-riscv64@[\d.]+ @img\/sharp-libvips-linux-riscv64@[\d.]+$/,
  );
});
