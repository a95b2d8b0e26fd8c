/** @file Tests that room is given out once at a time, and that nobody else's bytes are. */

import { expect, test } from "vitest";
import { Scratch } from "./scratch.js";

test("room that came back is given out again, and no other bytes are", () => {
  const scratch = new Scratch();
  const a = scratch.take(1000);
  const b = scratch.take(1000);
  expect(a.buffer).not.toBe(b.buffer);
  scratch.give(a);
  scratch.give(a);
  expect(scratch.take(2000).buffer).toBe(a.buffer);
  expect(scratch.take(2000).buffer).not.toBe(a.buffer);
  const others = new Uint8Array(2 ** 18);
  scratch.give(others);
  expect(scratch.take(1).buffer).not.toBe(others.buffer);
});
