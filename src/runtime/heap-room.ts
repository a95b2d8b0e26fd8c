/** @file Room in V8's heap while batches stream through it. */

import { getHeapStatistics, setFlagsFromString } from "node:v8";

/** Bytes of buffers that may come and go before V8 collects what is dead. */
const room = 64 * 2 ** 20;

let streams = 0;

/**
 * V8 marks a small heap anew for every 8 MB of buffers that came and went, which took a quarter of the time of streaming
 * a table. Until the function that is given back is called, it lets 64 MB pass, as in the pool's threads; a heap that is
 * larger than that has as much room already, and is left alone.
 */
export function makeHeapRoom(): () => void {
  if (streams++ === 0) {
    const percent = Math.floor((100 * room) / getHeapStatistics().used_heap_size);
    if (percent >= 100) setFlagsFromString(`--heap-growing-percent=${percent}`);
  }
  let isOpen = true;
  return () => {
    if (isOpen && --streams === 0) setFlagsFromString("--heap-growing-percent=0");
    isOpen = false;
  };
}
