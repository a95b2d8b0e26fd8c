/** @file The files that a reader's paths stand for. */

import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";
import { DataError, didYouMean, listNames } from "../../errors.js";

/** Which files of a folder or pattern are read; a path that names a file is read whatever it is called. */
export interface FileKind {
  /** For messages: `pictures`, `parquet files`. */
  readonly what: string;
  readonly pattern: RegExp;
}

/**
 * Absolute paths of files, each list sorted, folders searched to their depth.
 *
 * @throws DataError for a path that is not there (with near names) and for one that holds no file of the kind.
 */
export async function findFiles(paths: readonly string[], kind: FileKind, who: string): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    if (/^[a-z][\w+.-]+:\/\//i.test(path)) {
      throw new DataError(who, `${JSON.stringify(path)} is not on this machine; download it first`, {
        code: "NO_FILE",
        path,
      });
    }
    const info = await stat(path).catch(() => undefined);
    if (info?.isFile()) {
      found.push(absolute(path));
      continue;
    }
    const isPattern = info === undefined && /[*?[{]/.test(path);
    if (info === undefined && !isPattern) throw await missing(path, who);
    const files = isPattern ? await matching(path) : await filesBelow(path);
    const wanted = files.filter((file) => kind.pattern.test(file));
    if (wanted.length === 0) {
      const there = files.length === 0 ? "" : ` (it has ${listNames(files.map((file) => basename(file)))})`;
      const message = isPattern
        ? `no ${kind.what} match ${JSON.stringify(path)}`
        : `no ${kind.what} in ${JSON.stringify(path)}`;
      throw new DataError(who, `${message}${there}`, { code: "NO_FILE", path });
    }
    for (const file of wanted) found.push(file);
  }
  return found;
}

/** Files in a folder and the folders in it; hidden ones and `_SUCCESS` and the like are left out, as in Spark. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const root = absolute(folder);
  return entries
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map((entry) => absolute(join(entry.parentPath, entry.name)))
    .filter((file) => !/\/[._]/.test(file.slice(root.length)))
    .sort();
}

/** Files whose path matches: `*` and `?` within a name, `**` over folders, `[ab]`, `{a,b}` are understood. */
async function matching(pattern: string): Promise<string[]> {
  const whole = absolute(pattern);
  const steps = whole.split("/");
  const fixed =
    steps
      .slice(
        0,
        steps.findIndex((step) => /[*?[{]/.test(step)),
      )
      .join("/") || "/";
  const there = await stat(fixed).catch(() => undefined);
  if (!there?.isDirectory()) return [];
  const expression = patternExpression(whole);
  return (await filesBelow(fixed)).filter((file) => expression.test(file));
}

/** With slashes on every system, as DuckDB gives and takes paths. */
function absolute(path: string): string {
  return resolve(path).replaceAll(sep, "/");
}

function patternExpression(pattern: string): RegExp {
  const source = pattern.replace(/\*\*\/|\*\*|\*|\?|\[!?[^\]]*\]|\{[^}]*\}|[.+^$()|\\{}[\]]/g, (token) => {
    if (token === "**/") return "(?:.*/)?";
    if (token === "**") return ".*";
    if (token === "*") return "[^/]*";
    if (token === "?") return "[^/]";
    if (/^\[.+\]$/.test(token)) return token.replace(/^\[!/, "[^").replaceAll("\\", "\\\\");
    if (/^\{.+\}$/.test(token)) {
      const choices = token.slice(1, -1).split(",");
      return `(?:${choices.map((choice) => choice.replace(/[.+^$()|\\*?]/g, "\\$&")).join("|")})`;
    }
    return `\\${token}`;
  });
  return new RegExp(`^${source}$`);
}

async function missing(path: string, who: string): Promise<DataError> {
  const folder = dirname(resolve(path));
  const names = await readdir(folder).catch(() => undefined);
  const name = basename(path);
  const hint = names === undefined ? `; the folder ${JSON.stringify(folder)} is missing too` : didYouMean(name, names);
  return new DataError(who, `${JSON.stringify(path)} does not exist${hint}`, { code: "NO_FILE", path });
}
