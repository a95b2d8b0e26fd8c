/** @file Pages in a headless Chromium, driven by its DevTools protocol over a pipe: it ends with the process that started it. */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";

/** Why there is no browser here to open pages in; undefined where there is. */
export async function whyNoChromium(): Promise<string | undefined> {
  const found = await promisify(execFile)("chromium", ["--version"]).catch(() => undefined);
  return found === undefined ? "it needs Chromium (command chromium)" : undefined;
}

interface Answer {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

/** A browser with a new profile that reaches this machine only. */
export class Chromium {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #commands: Writable;
  readonly #waiting = new Map<number, { resolve(result: unknown): void; reject(reason: Error): void }>();
  #count = 0;

  private constructor(process: ChildProcess, profile: string) {
    this.#process = process;
    this.#profile = profile;
    this.#commands = process.stdio[3] as Writable;
    let rest = "";
    (process.stdio[4] as Readable).setEncoding("utf8").on("data", (text: string) => {
      const messages = (rest + text).split("\0");
      rest = messages.pop()!;
      for (const message of messages) this.#settle(JSON.parse(message));
    });
    // writes to a browser that has gone fail by the end of the process
    this.#commands.on("error", () => {});
    process.on("close", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("Chromium ended"));
      this.#waiting.clear();
    });
  }

  static async start(): Promise<Chromium> {
    const profile = await mkdtemp(join(tmpdir(), "deepframe-chromium-"));
    const flags = [
      ...["--headless", "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"],
      ...["--disable-background-networking", "--disable-component-update", "--window-size=1280,1000"],
      // pages are our own, and the sandbox needs rights that containers often lack
      "--no-sandbox",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
      `--user-data-dir=${profile}`,
    ];
    const process = spawn("chromium", flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    await once(process, "spawn");
    return new Chromium(process, profile);
  }

  /** Opens a page; `before` is JavaScript that runs before the page's own. */
  async open(url: string, before = ""): Promise<Page> {
    const { targetId } = await this.send<{ targetId: string }>("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send<{ sessionId: string }>("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page((method, params) => this.send(method, params, sessionId));
    await page.send("Page.enable");
    await page.send("Page.addScriptToEvaluateOnNewDocument", { source: before });
    await page.send("Page.navigate", { url });
    return page;
  }

  send<T>(method: string, params: object = {}, sessionId?: string): Promise<T> {
    const id = ++this.#count;
    return new Promise<T>((resolve, reject) => {
      if (this.#process.exitCode !== null) throw new Error("Chromium ended");
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
      this.#commands.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  async close(): Promise<void> {
    if (this.#process.kill()) await once(this.#process, "close");
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  #settle({ id, result, error }: Answer): void {
    if (id === undefined) return;
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(error.message));
  }
}

/** A page of the browser. */
export class Page {
  readonly send: <T>(method: string, params?: object) => Promise<T>;

  constructor(send: Page["send"]) {
    this.send = send;
  }

  /** What an expression gives in the page. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.send<{
      readonly result: { readonly value: T };
      readonly exceptionDetails?: { readonly exception?: { readonly description?: string } };
    }>("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? expression);
    return result.value;
  }

  /** Waits until an expression is true in the page. */
  async until(expression: string, seconds: number): Promise<void> {
    const end = Date.now() + seconds * 1000;
    while (!(await this.evaluate<boolean>(expression))) {
      if (Date.now() > end) throw new Error(`not true in the page after ${seconds} s: ${expression}`);
      await setTimeout(50);
    }
  }
}
