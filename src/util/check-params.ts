/** @file checkParams: values against their declarations. */

import { didYouMean, listNames, ParamError, type Who } from "../errors.js";
import type { ParamSpecs, Values } from "./params.js";
import { show } from "./show.js";

/** Checks values against their declarations and fills in the defaults. @throws ParamError */
export function checkParams<P extends ParamSpecs>(who: Who, specs: P, values: object = {}): Values<P> {
  for (const name of Object.keys(values)) {
    if (Object.hasOwn(specs, name)) continue;
    const known = Object.keys(specs);
    throw new ParamError(who, `no parameter "${name}" (it has ${listNames(known)})${didYouMean(name, known)}`, {
      code: "NO_PARAM",
      param: name,
    });
  }
  const given = values as Record<string, unknown>;
  const checked = Object.entries(specs).map(([name, spec]): [string, unknown] => {
    const value = given[name] === undefined ? spec.default : given[name];
    if (value === undefined && spec.optional) return [name, undefined];
    if (value === undefined) {
      throw new ParamError(who, `${name} is missing; set it to ${spec.expected} (${spec.doc})`, { param: name });
    }
    if (!spec.accepts(value)) {
      const found = show(value);
      throw new ParamError(who, `${name} must be ${spec.expected}, got ${found}${spec.hint?.(value) ?? ""}`, {
        param: name,
        value,
      });
    }
    return [name, value];
  });
  return Object.freeze(Object.fromEntries(checked)) as Values<P>;
}
