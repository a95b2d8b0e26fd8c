#!/usr/bin/env node
/** @file The `deepframe` command. Exit codes: 0 done, 1 failed, 2 used wrongly. */

import { Command, CommanderError } from "commander";
import { DeepframeError, messageOf, ParamError } from "../errors.js";
import { version } from "../util/version.js";
import { inspectCommand } from "./inspect.js";
import { predictCommand } from "./predict.js";
import { quickstartCommand } from "./quickstart.js";
import { trainCommand } from "./train.js";

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const program = new Command("deepframe")
    .description("Deep learning on DataFrames: train on pictures, predict, look into models.")
    .version(version)
    .option("--verbose", "show where an error came from")
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError()
    .exitOverride();
  for (const make of [quickstartCommand, trainCommand, predictCommand, inspectCommand]) {
    program.addCommand(inherit(make(), program));
  }
  try {
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    // Commander has printed its message (or the help that was asked for) by now
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    console.error(messageOf(error).replace(/^(deepframe: )?/, "deepframe: "));
    if (program.opts().verbose || !(error instanceof DeepframeError)) console.error(stackOf(error));
    return error instanceof ParamError ? 2 : 1;
  }
}

/** Commander hands settings down to commands made by itself only, not to added ones. */
function inherit(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inherit(child, command);
  return command;
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const cause = error.cause === undefined ? "" : `\ncaused by ${stackOf(error.cause) || messageOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
