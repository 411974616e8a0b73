#!/usr/bin/env node
import { clientEnvironment } from "../config/client-environment.js";
import { Prompt } from "./prompt.js";
import { runRootkeep } from "./run.js";

// A reader that has seen enough (`| head`) closes the pipe; that is no fault of the command.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const { stdin, stdout, stderr } = process;
const prompt = new Prompt(stdin, stderr);
try {
  process.exitCode = await runRootkeep(process.argv.slice(2), { stdout, stderr, prompt, environment: clientEnvironment() });
} finally {
  await prompt.close();
}
