/** @file What `df.mapRows` and `df.mapBatches` make of a function of the user's. */

import { registerMaps } from "../../data/user-function.js";
import { MapBatches } from "./map-batches.js";
import { MapRows } from "./map-rows.js";

registerMaps((kind, { module, export: exported }, options) => {
  const Class = kind === "rows" ? MapRows : MapBatches;
  return new Class({ module: module.href, export: exported, ...options });
});
