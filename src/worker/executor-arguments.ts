/** @file The types of a SQL function's arguments, which only its first batch tells. */

import type * as arrow from "apache-arrow";
import { fromArrowField } from "../data/arrow-types.js";
import { formatType } from "../data/types.js";
import type { ExecutorConfig } from "./executor-protocol.js";

/** The configuration for a call with arguments of these types. */
export function withArguments(config: ExecutorConfig, { fields }: arrow.Schema): ExecutorConfig {
  const types = fields.map((field, i): [string, string] => [`argument${i}`, formatType(fromArrowField(field).type)]);
  const input = Object.fromEntries(types);
  const id = `${config.chain.id} ${JSON.stringify(input)}`;
  return { ...config, isFunction: false, chain: { ...config.chain, id, input }, sparkInput: input };
}
