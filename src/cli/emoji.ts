/** @file The quickstart's own pictures: 3D emoji in folders named after their Unicode groups. */

import { cp, readdir, readFile, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { DataError } from "../errors.js";
import { makeFolder } from "../util/make-folder.js";

const groups: Readonly<Record<string, string>> = {
  "Smileys & Emotion": "smileys",
  "Animals & Nature": "animals",
  "Food & Drink": "food",
  "Travel & Places": "travel",
  Objects: "objects",
};

interface Emoji {
  readonly slug: string;
  readonly group: string;
}

/**
 * Lays the pictures out as one folder per group; does nothing where the folder is there from an earlier run.
 *
 * @throws DataError where the packages with pictures and groups are not installed: they are development dependencies.
 */
export async function emojiPictures(folder: string): Promise<string> {
  if ((await readdir(folder).catch(() => [])).length === Object.keys(groups).length) return folder;
  const assets = join(packageFolder("@lobehub/fluent-emoji-3d"), "assets");
  const list = await readFile(join(packageFolder("unicode-emoji-json"), "data-by-emoji.json"), "utf8");
  const files = new Set(await readdir(assets));
  const aside = `${folder}.tmp`;
  await rm(aside, { recursive: true, force: true });
  for (const name of Object.values(groups)) await makeFolder(join(aside, name));
  for (const [emoji, { slug, group }] of Object.entries(JSON.parse(list) as Record<string, Emoji>)) {
    const codes = Array.from(emoji, (character) => character.codePointAt(0)!.toString(16)).join("-");
    const file = [`${codes}.webp`, `${codes.replaceAll("-fe0f", "")}.webp`].find((name) => files.has(name));
    const name = groups[group];
    if (name !== undefined && file !== undefined) await cp(join(assets, file), join(aside, name, `${slug}.webp`));
  }
  await rm(folder, { recursive: true, force: true });
  await rename(aside, folder);
  return folder;
}

function packageFolder(name: string): string {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  } catch (cause) {
    const message = `the emoji pictures (package ${name}) are not installed; give your own with --images FOLDER, one folder per class`;
    throw new DataError("quickstart", message, { cause });
  }
}
