/** @file The few opcodes of Python's pickle that name a function of our shim with its configuration, and a result type. */

/**
 * Pickle of `(functools.partial(module.function, config), _parse_datatype_json_string(schema))`: what a Python worker of
 * Spark loads as the function of a map in Arrow.
 */
export function pickleFunction(module: string, name: string, config: string, schema: string): Uint8Array {
  const call = [...global("functools", "partial"), ...global(module, name), ...text(config), 0x86, 0x52];
  const type = [...global("pyspark.sql.types", "_parse_datatype_json_string"), ...text(schema), 0x85, 0x52];
  // PROTO 2 … TUPLE2 STOP; within: TUPLE2 REDUCE, TUPLE1 REDUCE
  return Uint8Array.from([0x80, 2, ...call, ...type, 0x86, 0x2e]);
}

/** GLOBAL: `c`, then module and name as lines. */
function global(module: string, name: string): number[] {
  if (!/^[\w.]+$/.test(module) || !/^\w+$/.test(name)) throw new Error(`internal: bad name ${module}.${name}`);
  return [0x63, ...new TextEncoder().encode(`${module}\n${name}\n`)];
}

/** BINUNICODE: `X`, the length in four bytes, UTF-8. */
function text(value: string): number[] {
  const bytes = new TextEncoder().encode(value);
  const length = new Uint8Array(Uint32Array.of(bytes.length).buffer);
  return [0x58, ...length, ...bytes];
}
