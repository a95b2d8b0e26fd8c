/**
 * @file A real Spark Connect server on this machine: for the tests, and for people by `npm run spark`.
 *
 * Installs pip's pyspark[connect] into a virtual environment of its own under .cache/ once, then starts a server with two
 * executor processes on a free port of the loopback interface. Usage: node scripts/spark-server.js [--port 15002]
 */

import { execFile, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

export const sparkVersion = "4.3.0";
const packages = [`pyspark[connect]==${sparkVersion}`];
const folder = join(resolve(dirname(fileURLToPath(import.meta.url)), ".."), ".cache", "spark");
const venv = join(folder, `venv-${sparkVersion}`);
const python = join(venv, "bin", "python");

/** Why Spark cannot run here; undefined where it can. */
export async function whyNot() {
  if (process.platform === "win32") return "Spark's start scripts need a POSIX shell";
  const java = await run("java", ["-version"]).catch(() => undefined);
  const major = Number(/version "(\d+)/.exec(java?.stderr ?? "")?.[1] ?? 0);
  if (major < 17) return "Spark needs Java 17 or later (command java)";
  if (existsSync(python)) return undefined;
  const found = await run("python3", ["-c", "import sys, venv, ensurepip; print(sys.version_info >= (3, 10))"]).catch(
    () => undefined,
  );
  return found?.stdout.trim() === "True" ? undefined : "Spark needs Python 3.10 or later with venv (command python3)";
}

/** Installs Spark where it is not yet. */
export async function installSpark(log = () => {}) {
  const done = join(venv, "deepframe-complete");
  if (existsSync(done) && readFileSync(done, "utf8") === packages.join(" ")) return;
  log(`installing ${packages.join(" ")} into ${venv}`);
  rmSync(venv, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await run("python3", ["-m", "venv", venv]);
  await run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages], {
    maxBuffer: 1 << 26,
  });
  writeFileSync(done, packages.join(" "));
}

/** Executors of a local cluster keep gigabytes under Spark's own folder, whatever is set: a folder of links to it, removed at the end. */
function ownHome(installed, work) {
  const home = join(work, "home");
  mkdirSync(home);
  for (const entry of readdirSync(installed))
    if (entry !== "work") symlinkSync(join(installed, entry), join(home, entry));
  return home;
}

/**
 * Starts a server and waits until it listens.
 *
 * @returns {Promise<{ url: string, pid: number, log: string, stop: () => Promise<void> }>}
 */
export async function startSpark({ port = 0, master = "local-cluster[2,1,2048]", conf = {}, env = {} } = {}) {
  const { stdout } = await run(python, ["-c", "import pyspark; print(pyspark.__path__[0])"]);
  const work = await mkdtemp(join(tmpdir(), "deepframe-spark-"));
  const home = ownHome(stdout.trim(), work);
  const log = join(work, "server.log");
  const settings = {
    "spark.connect.grpc.binding.address": "127.0.0.1",
    "spark.connect.grpc.binding.port": port,
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": false,
    "spark.local.dir": join(work, "local"),
    "spark.sql.warehouse.dir": join(work, "warehouse"),
    // small data: hundreds of tiny tasks would take longer than the work
    "spark.sql.shuffle.partitions": 4,
    "spark.default.parallelism": 2,
    ...conf,
  };
  const args = ["--master", master, "--name", "deepframe"];
  args.push("--class", "org.apache.spark.sql.connect.service.SparkConnectServer");
  for (const [key, value] of Object.entries(settings)) args.push("--conf", `${key}=${value}`);
  const output = openSync(log, "w");
  const child = spawn(join(home, "bin", "spark-submit"), args, {
    cwd: work,
    detached: true,
    stdio: ["ignore", output, output],
    env: {
      ...process.env,
      SPARK_HOME: home,
      SPARK_LOCAL_IP: "127.0.0.1",
      SPARK_WORKER_DIR: join(work, "work"),
      PYSPARK_PYTHON: python,
      PYSPARK_DRIVER_PYTHON: python,
      ...env,
    },
  });
  let exit;
  child.on("exit", (code, signal) => {
    exit = signal ?? code;
  });
  // its own process group: executors end with it
  const kill = (signal) => {
    try {
      process.kill(-child.pid, signal);
    } catch {
      // gone already
    }
  };
  const end = () => {
    kill("SIGKILL");
    rmSync(work, { recursive: true, force: true, maxRetries: 5 });
  };
  process.on("exit", end);
  const stop = async () => {
    kill("SIGTERM");
    for (let i = 0; i < 100 && exit === undefined; i++) await sleep(100);
    end();
    process.off("exit", end);
  };
  for (let waited = 0; waited < 180_000; waited += 100) {
    const text = readFileSync(log, "utf8");
    const address = /Spark Connect server started at: \S*?:(\d+)\s/.exec(text)?.[1];
    if (address !== undefined) return { url: `sc://127.0.0.1:${address}`, pid: child.pid, log, stop };
    if (exit !== undefined) break;
    await sleep(100);
  }
  const last = readFileSync(log, "utf8").split("\n").slice(-30).join("\n");
  await stop();
  throw new Error(`Spark did not start (${exit ?? "after 180 s"}); the end of its log:\n${last}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const reason = await whyNot();
  if (reason !== undefined) {
    console.error(reason);
    process.exit(1);
  }
  const at = process.argv.indexOf("--port");
  await installSpark(console.error);
  // before anything is started: a signal without a listener would leave the server behind
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(0));
  const server = await startSpark({ port: at < 0 ? 15002 : Number(process.argv[at + 1]) });
  console.log(`Spark ${sparkVersion} listens at ${server.url}; log: ${server.log}; Ctrl-C ends it`);
}
