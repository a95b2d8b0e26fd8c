/** @file The one importer of onnxruntime-node, for code in pool threads. */

type Ort = typeof import("onnxruntime-node");

let loaded: Promise<Ort> | undefined;

/** ONNX Runtime. Loaded late: threads that only decode pictures do not need its 45 MB. */
export function native(): Promise<Ort> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<Ort> {
  const ort = await import("onnxruntime-node");
  // What is worth knowing comes as an error; the runtime's own log would go to stderr as well
  ort.env.logLevel = "fatal";
  return ort;
}
