/** @file A trained network's file in Netron, the viewer of models: its page in a real browser draws every layer. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pythonWith, whyNoPython } from "../bench/python.js";
import { Session, version } from "../src/index.js";
import { Chromium, type Page, whyNoChromium } from "./chromium.js";
import { trainedNetwork } from "./trained-network.js";

const noPython = await whyNoPython();
if (noPython !== undefined && process.env.CI) throw new Error(`Netron must be tested in CI: ${noPython}`);
const reason = noPython ?? (await whyNoChromium());

const script = `
import sys, netron
print(netron.start(sys.argv[1], address=("127.0.0.1", 0), browse=False)[1], flush=True)
sys.stdin.read() # which ends with this process
`;

// Netron asks for consent to cookies first, and does nothing half a year after its release
const before = `
document.cookie = "consent=1";
globalThis.Date = class extends Date {
  constructor(...args) {
    if (args.length > 0) super(...args);
    else super("2026-11-01");
  }
};
`;

describe.skipIf(reason !== undefined)(`Netron${reason === undefined ? "" : `: ${reason}`}`, () => {
  const servers: ChildProcess[] = [];
  let python = "";
  let folder = "";
  let network: Uint8Array = new Uint8Array();
  let chromium: Chromium | undefined;
  beforeAll(async () => {
    python = await pythonWith("netron", ["netron==9.3.3"]);
    folder = await mkdtemp(join(tmpdir(), "deepframe-netron-"));
    await using session = await Session.open();
    const { model } = await trainedNetwork(session);
    network = model.params.model.bytes;
    chromium = await Chromium.start();
  }, 400_000);
  afterAll(async () => {
    for (const server of servers) server.kill();
    await chromium?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Netron's page for a file, once it shows the graph or a message. */
  const opened = async (name: string, bytes: Uint8Array): Promise<Page> => {
    const file = join(folder, name);
    await writeFile(file, bytes);
    const server = spawn(python, ["-c", script, file], { stdio: ["pipe", "pipe", "ignore"] });
    servers.push(server);
    const [port] = await once(server.stdout, "data");
    const page = await chromium!.open(`http://127.0.0.1:${Number(port)}/`, before);
    await page.until(`["default", "alert"].includes(document.body?.className)`, 30);
    return page;
  };
  /** The sidebar's lines by their labels, once it has the title. */
  const sidebar = async (page: Page, title: string): Promise<Record<string, string>> => {
    await page.until(`document.getElementById("sidebar-title").textContent.toLowerCase() === "${title}"`, 10);
    return await page.evaluate(
      `Object.fromEntries([...document.querySelectorAll("#sidebar-content .sidebar-item")].map((item) =>
        [item.querySelector("input").value, item.innerText.replaceAll("\\n", " ").trim()]))`,
    );
  };

  test("draws a trained network, with the names of its layers, weights and columns", async () => {
    const page = await opened("network.onnx", network);
    expect(await page.evaluate(`document.getElementById("message-text").innerText`)).toBe("");
    const titles = `[...document.querySelectorAll("#canvas g.node")].map((node) => node.querySelector("text").textContent)`;
    const nodes = await page.evaluate<string[]>(titles);
    expect(nodes).toEqual(
      expect.arrayContaining(["features", "Conv", "Relu", "BatchNormalization", "MaxPool", "LSTM", "Gemm", "Softmax"]),
    );
    expect(nodes.slice(-3)).toEqual(["rawPrediction", "probability", "prediction"]);
    const edges = await page.evaluate(`document.getElementById("edge-labels").textContent`);
    expect(edges).toContain("batch×1×4×4");

    await page.evaluate(`document.getElementById("sidebar-model-button").click()`);
    expect(await sidebar(page, "model properties")).toMatchObject({ producer: `deepframe ${version}` });
    await page.evaluate(
      `[...document.querySelectorAll("#canvas g.node text")].find((text) => text.textContent === "Conv")
        .dispatchEvent(new MouseEvent("click", { bubbles: true }))`,
    );
    expect(await sidebar(page, "node properties")).toMatchObject({
      name: "conv2d/Conv",
      X: expect.stringContaining("name: features"),
      W: expect.stringContaining("name: conv2d/kernel"),
      B: expect.stringContaining("name: conv2d/bias"),
    });
  });

  test("says so of a file that is cut off", async () => {
    const page = await opened("cut.onnx", network.subarray(0, 300));
    expect(await page.evaluate(`document.body.className`)).toBe("alert");
    expect(await page.evaluate(`document.getElementById("message-text").innerText`)).toContain(
      "Unexpected end of file",
    );
  });
});
