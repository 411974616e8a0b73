import { homedir } from "node:os";
import { join } from "node:path";
import type { Environment } from "./environment.js";
import type { ClientVariable } from "./reference.js";

/** Where the service listens unless told otherwise. */
export const DEFAULT_ADDRESS = "http://127.0.0.1:8480";

/** What the command line takes from the environment; never a secret. */
export interface ClientEnvironment {
  /** Address of the service as it was set, or null. The client checks its form. */
  readonly address: string | null;
  /** File that keeps the session's token. */
  readonly sessionFile: string;
}

/**
 * The client's part of `environment`. An empty variable counts as not set, as compose files pass it.
 * @param home the person's home directory, absolute.
 */
export function parseClientEnvironment(environment: Environment, home: string): ClientEnvironment {
  const set = (name: ClientVariable): string | null => {
    const value = environment[name];
    return value === undefined || value === "" ? null : value;
  };
  return {
    address: set("ROOTKEEP_ADDRESS"),
    sessionFile: set("ROOTKEEP_SESSION_FILE") ?? join(home, ".config", "rootkeep", "session.json"),
  };
}

/** The environment of this very program, as a client reads it. */
export function clientEnvironment(): ClientEnvironment {
  return parseClientEnvironment(process.env, homedir());
}
