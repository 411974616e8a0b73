import { readFileSync } from "node:fs";
import type { Config } from "./config.js";
import { parseConfig } from "./parse-config.js";
import { SECRET_NAMES } from "./reference.js";

/**
 * Reads the environment of this very program, once, at start. It is the only place that does.
 * @throws ConfigError with every problem at once.
 */
export function loadConfig(): Config {
  const files: Record<string, string | null> = {};
  for (const name of SECRET_NAMES) {
    const path = process.env[`${name}_FILE`];
    if (path !== undefined && path !== "") files[`${name}_FILE`] = contentOf(path);
  }
  return parseConfig(process.env, { cwd: process.cwd(), files });
}

function contentOf(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // The error names the path, which may be a secret pasted into the wrong variable; the parser reports variable and rule.
    return null;
  }
}
