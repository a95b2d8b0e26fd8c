/** @file All conformance rows: one line per family. */

import type { OpRow } from "./op-table.js";
import { rows as activations } from "./rows-activations.js";
import { rows as core } from "./rows-core.js";
import { rows as elementwise } from "./rows-elementwise.js";
import { rows as logic } from "./rows-logic.js";
import { rows as lookup } from "./rows-lookup.js";
import { rows as microsoft } from "./rows-microsoft.js";
import { rows as network } from "./rows-network.js";
import { rows as norm } from "./rows-norm.js";
import { rows as products } from "./rows-products.js";
import { rows as recurrent } from "./rows-recurrent.js";
import { rows as reduce } from "./rows-reduce.js";
import { rows as shape } from "./rows-shape.js";
import { rows as train } from "./rows-train.js";

export const rows: readonly OpRow[] = [
  ...activations,
  ...core,
  ...elementwise,
  ...logic,
  ...lookup,
  ...microsoft,
  ...network,
  ...norm,
  ...recurrent,
  ...products,
  ...reduce,
  ...shape,
  ...train,
];
