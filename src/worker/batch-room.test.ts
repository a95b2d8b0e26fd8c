/** @file Tests that room is used again only when nobody needs what it holds. */

import { expect, test } from "vitest";
import { BatchRoom } from "./batch-room.js";

const none = () => [];

test("room is used again for the next batch, unless it leaves with the result", async () => {
  const room = new BatchRoom();
  const first = await room.during(async () => room.take(10).buffer, none);
  const second = await room.during(async () => room.take(10).buffer, none);
  expect(second).toBe(first);
  const third = await room.during(
    async () => room.take(10).buffer,
    (buffer) => [buffer],
  );
  expect(third).toBe(first);
  expect(await room.during(async () => room.take(10).buffer, none)).not.toBe(first);
});

test("room of batches at the same time, or that failed, is not used again too early", async () => {
  const room = new BatchRoom();
  let end = () => {};
  const long = new Promise<void>((resolve) => {
    end = resolve;
  });
  let held: ArrayBufferLike | undefined;
  const aborted = room.during(async () => {
    held = room.take(10).buffer;
    await long;
  }, none);
  const beside = await room.during(async () => room.take(10).buffer, none);
  expect(await room.during(async () => room.take(10).buffer, none)).not.toBe(held);
  expect(beside).not.toBe(held);
  end();
  await aborted;
  let failed: ArrayBufferLike | undefined;
  await expect(
    room.during(async () => {
      failed = room.take(2 ** 20).buffer;
      throw new Error("no picture");
    }, none),
  ).rejects.toThrow("no picture");
  expect(await room.during(async () => room.take(2 ** 20).buffer, none)).not.toBe(failed);
});
