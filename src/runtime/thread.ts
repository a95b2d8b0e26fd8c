/** @file Entry of a pool thread: takes tasks one at a time, imports their modules, answers with results or errors. */

import { parentPort, type TransferListItem, workerData } from "node:worker_threads";

import { EngineError, internal, listNames } from "../errors.js";
import { enterPoolThread, type TaskFunction } from "./context.js";
import { NativeGate } from "./gate.js";
import type { ThreadData, ToMain, ToThread } from "./protocol.js";
import { packError } from "./wire-error.js";

const { index, poolSize, intraOpThreads, gate } = workerData as ThreadData;
if (!parentPort) throw internal("runtime/thread.js runs only as a worker thread");
const port = parentPort;
const abortOf = new Map<number, AbortController>();

enterPoolThread({
  intraOpThreads,
  gate: new NativeGate(gate),
  warn: (message) => send({ kind: "warning", message }),
});

for (const stream of [process.stdout, process.stderr]) copyToPool(stream);

port.on("message", (message: ToThread) => {
  if (message.kind === "task") void work(message);
  else if (message.kind === "abort") abortOf.get(message.id)?.abort();
  // From inside, so that no native call is under way: see gate.ts
  else process.exit(0);
});

// A task that cannot be read has no one else to fail it: the thread ends, and its pool says so
port.on("messageerror", (error) => {
  throw error;
});

async function work({ id, module, exported, message }: ToThread & { kind: "task" }): Promise<void> {
  const controller = new AbortController();
  abortOf.set(id, controller);
  const moved: TransferListItem[] = [];
  try {
    const run = await taskFunction(module, exported);
    const { signal } = controller;
    const transfer = (...buffers: TransferListItem[]) => void moved.push(...buffers);
    const value = await run(message, { index, poolSize, intraOpThreads, signal, transfer });
    send({ kind: "result", id, value }, moved);
  } catch (error) {
    send({ kind: "error", id, error: packError(error) });
  } finally {
    abortOf.delete(id);
  }
}

async function taskFunction(module: string, exported: string): Promise<TaskFunction> {
  // Node keeps imported modules, so only the first task of a module pays for loading it
  const loaded = (await import(module)) as Record<string, unknown>;
  const found = loaded[exported];
  if (typeof found === "function") return found as TaskFunction;
  throw new EngineError(
    "Pool",
    `${module} exports no function "${exported}" (it has ${listNames(Object.keys(loaded))})`,
  );
}

/** The pool shows a crashed thread's last lines. Capturing the streams from outside would keep the process alive. */
function copyToPool(stream: NodeJS.WriteStream): void {
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  stream.write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
    send({ kind: "log", text: typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk) });
    return write(chunk, ...rest);
  };
}

function send(message: ToMain, transfer: readonly TransferListItem[] = []): void {
  port.postMessage(message, transfer);
}
