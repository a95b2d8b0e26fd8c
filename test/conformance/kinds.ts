/** @file What every family of things with parameters holds (losses, metrics, optimizers, schedules), found by discovery. */

import { expect, test } from "vitest";
import type { Asset } from "../../src/util/asset.js";
import type { Configured, Kind } from "../../src/util/kind.js";
import type { ReadStored } from "../../src/util/params.js";

const noAssets: ReadStored = {
  asset: () => {
    throw new Error("no assets here");
  },
  stage: () => {
    throw new Error("no stages here");
  },
};

/** Tests of one type: documented parameters, limits by name, JSON and back. `needed` are the parameters without a default. */
export function testParameters<T extends Configured>(kind: Kind<T>, type: string, needed: object = {}): void {
  const make = (params: object) => kind.decode({ type, params: { ...needed, ...params } }, noAssets, "test");

  test("has a line on each parameter and accepts its defaults", () => {
    for (const [name, spec] of Object.entries(kind.specsOf(type))) {
      expect(spec.doc, name).toMatch(/\S/);
      if (spec.default !== undefined) expect(spec.accepts(spec.default), name).toBe(true);
    }
    expect(make({}).type).toBe(type);
  });

  test("refuses each value beyond a declared limit, by name", () => {
    for (const [name, spec] of Object.entries(kind.specsOf(type))) {
      for (const broken of spec.broken) {
        // what is no JSON at all is refused on reading already
        if (typeof broken === "function") continue;
        expect(() => make({ [name]: broken }), `${name} = ${String(broken)}`).toThrow();
      }
    }
    expect(() => make({ nosuch: 1 })).toThrow(`${type}: no parameter "nosuch"`);
  });

  test("comes back from JSON as it was", () => {
    const made = make({});
    const json = JSON.parse(JSON.stringify(kind.encode(made, new Map<string, Asset>())));
    expect(kind.decode(json, noAssets, "test").params).toEqual(made.params);
    expect(kind.has(made)).toBe(true);
  });
}
