import { RootkeepError } from "../../kernel/errors.js";

/** A sink, or what is kept about it, that could not be used. @param reason constant text, at most with an error code of the system's. */
export function streamUnavailable(reason: string): RootkeepError {
  return new RootkeepError("UNAVAILABLE", { reason });
}

/** The code of a system error such as `ECONNREFUSED`; its message would name paths and hosts. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown";
}
