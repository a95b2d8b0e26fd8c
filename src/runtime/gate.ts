/** @file The gate around native calls in a pool thread, so that nobody ends the thread while one is running. */

// Ending a thread, or the process, inside such a call aborts the whole process: the exceptions of addons that are
// written against node-addon-api (ONNX Runtime's, libjpeg-turbo's) find nobody to catch them in a dying thread.

const inside = 0;
const closed = 1;

/** Shared by a thread and its owner; `shared` is what crosses between them. */
export class NativeGate {
  readonly shared: SharedArrayBuffer;
  readonly #flags: Int32Array;

  constructor(shared = new SharedArrayBuffer(8)) {
    this.shared = shared;
    this.#flags = new Int32Array(shared);
  }

  /** In the thread, before native work; false once the owner has closed the gate. */
  enter(): boolean {
    Atomics.add(this.#flags, inside, 1);
    if (Atomics.load(this.#flags, closed) === 0) return true;
    this.leave();
    return false;
  }

  /** In the thread, after native work. */
  leave(): void {
    Atomics.sub(this.#flags, inside, 1);
    Atomics.notify(this.#flags, inside);
  }

  /** In the owner: from now on nobody enters. True when nobody is inside either, so that the thread may be ended. */
  close(): boolean {
    Atomics.store(this.#flags, closed, 1);
    return Atomics.load(this.#flags, inside) === 0;
  }

  /** In the owner, when the process exits: closes the gate and blocks until nobody is inside. */
  closeAndWait(): void {
    this.close();
    for (let count = Atomics.load(this.#flags, inside); count > 0; count = Atomics.load(this.#flags, inside)) {
      Atomics.wait(this.#flags, inside, count);
    }
  }
}
