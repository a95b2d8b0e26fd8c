/** @file The processes of a Spark server of this machine, by the process table. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** What runs below a process, at any depth. */
export async function processesBelow(root: number): Promise<Process[]> {
  const { stdout } = await run("ps", ["-eo", "pid=,ppid=,args="], { maxBuffer: 1 << 26 });
  const all = stdout.split("\n").flatMap((line): Process[] => {
    const [, pid, parent, command] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return command === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), command }];
  });
  const found: Process[] = [];
  const visit = (parent: number): void => {
    for (const process of all.filter((each) => each.parent === parent)) {
      found.push(process);
      visit(process.pid);
    }
  };
  visit(root);
  return found;
}

export const kinds = {
  "a node worker": (processes: readonly Process[]) => processes.filter(isNode),
  // a daemon forks the workers
  "a Python worker": (processes: readonly Process[]) => {
    const nodes = processes.filter(isNode);
    return processes.filter(({ pid }) => nodes.some(({ parent }) => parent === pid));
  },
  "an executor": (processes: readonly Process[]) =>
    processes.filter(({ command }) => command.includes("CoarseGrainedExecutorBackend")),
} as const;

function isNode({ command }: Process): boolean {
  return /deepframe_worker_\w+\/executor\.js/.test(command);
}

/** Node workers below a process. */
export async function nodeWorkers(root: number): Promise<Process[]> {
  return kinds["a node worker"](await processesBelow(root));
}

/** Waits for something that is looked at again and again; undefined while it is not there. */
export async function until<T>(look: () => Promise<T | undefined>, what: string, seconds = 60): Promise<T> {
  for (let waited = 0; waited < seconds * 10; waited++) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what}: not within ${seconds} s`);
}
