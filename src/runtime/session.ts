/** @file Session: a loaded model. One interface; inside a pool thread it runs there, elsewhere through the pool. */

import type { Tensor } from "../tensor/tensor.js";
import { currentPoolThread } from "./context.js";
import type { Device } from "./device.js";
import { type ModelSource, resolveModel, type WireModel } from "./model-source.js";
import { openPooled } from "./pooled.js";
import type { Tensors, ValueInfo } from "./values.js";

export interface SessionOptions {
  /** The model's name in errors. Default: its file name or the start of its content hash. */
  readonly name?: string;
  /**
   * Where the model runs. An explicit device that is not there fails; "auto" takes the first that works and warns once
   * when that is the CPU. Default "cpu".
   */
  readonly device?: Device;
  /**
   * Threads of one run. Default: all cores, and runs at the same time take turns; inside a pool thread its share of
   * them. With fewer, a small model is loaded into several pool threads when runs overlap.
   */
  readonly threads?: number;
  /**
   * Whether every run feeds tensors of the same shapes. The runtime then plans its memory once, which makes runs of many
   * small operators up to a tenth faster; a plan for each set of shapes is kept until the model is closed. Default false.
   */
  readonly fixedShapes?: boolean;
}

export interface SessionRunOptions {
  /** Outputs to return; default all. Intermediate tensors need a graph that was cut there. */
  readonly fetches?: readonly string[] | undefined;
  /** Aborts the wait; a native run that has started goes on to its end in its thread, its result is dropped. */
  readonly signal?: AbortSignal | undefined;
  /** Lets the feeds' buffers be moved instead of copied: the caller's arrays may be empty afterwards. */
  readonly transfer?: boolean | undefined;
}

/** A model that is loaded and can be run any number of times, at once too. */
export interface Session {
  /** As errors name it. */
  readonly name: string;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** The device that runs it, never "auto". */
  readonly device: Exclude<Device, "auto">;
  /**
   * Runs the model once.
   *
   * @throws GraphError for names that are not the model's, and when the runtime fails; ShapeError for a feed of another
   * dtype or shape; EngineError when the thread crashes; the signal's reason.
   */
  run(feeds: Tensors, options?: SessionRunOptions): Promise<Record<string, Tensor>>;
  /** Lets go of the model; running it afterwards fails. */
  close(): Promise<void>;
}

/**
 * Loads a model. Sessions of equal content and options share one loaded model per thread.
 *
 * @throws GraphError when the model cannot be loaded; EngineError when the device is not there.
 * @example
 * const session = await openSession("mobilenet.onnx", { device: "auto" });
 * const { output } = await session.run({ input: new Tensor("float32", pixels, [1, 224, 224, 3]) });
 * await session.close();
 */
export async function openSession(source: ModelSource, options: SessionOptions = {}): Promise<Session> {
  return openModel(await resolveModel(source), options);
}

/** `openSession` of a model that is resolved already. */
export async function openModel(model: WireModel, options: SessionOptions): Promise<Session> {
  if (!currentPoolThread()) return openPooled(model, options);
  // Imported only here: loading the native library would block the main thread
  const { openDirect } = await import("./direct.js");
  return openDirect(model, options);
}
