/** @file Paths with placeholders: `{epoch:03}`, `{val_loss:.4}`. */

import { didYouMean, listNames, ParamError } from "../../errors.js";

const placeholder = /\{(\w+)(?::(0?)(\d*)(?:\.(\d+))?[df]?)?\}/g;

export function hasPlaceholders(path: string): boolean {
  return path.search(placeholder) >= 0;
}

/**
 * Fills numbers in: `{epoch:03}` has at least three digits, `{val_loss:.4}` four after the point (the default for numbers that are
 * not whole).
 *
 * @throws ParamError for a name there is no number for.
 */
export function fillPath(who: string, path: string, values: Readonly<Record<string, number>>): string {
  return path.replaceAll(placeholder, (_, name: string, zero = "", width = "", digits = undefined) => {
    const value = values[name];
    if (value === undefined) {
      const known = Object.keys(values);
      throw new ParamError(who, `path has {${name}}, but there are ${listNames(known)}${didYouMean(name, known)}`, {
        param: "path",
      });
    }
    const decimals = digits === undefined ? (Number.isInteger(value) ? 0 : 4) : Number(digits);
    return value.toFixed(decimals).padStart(Number(width), zero === "0" ? "0" : " ");
  });
}
