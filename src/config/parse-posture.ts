import type { PostureConfig } from "./config.js";
import type { EnvironmentReader } from "./environment.js";

/** How posture evidence of customers' accounts is read, as the environment says. */
export function readPosture(reader: EnvironmentReader): PostureConfig {
  const pairs = reader.list("ROOTKEEP_POSTURE_PROFILES").map((pair) => pair.split("=") as [string, string]);
  if (new Set(pairs.map(([partition]) => partition)).size < pairs.length)
    reader.refuse("ROOTKEEP_POSTURE_PROFILES", "names a partition twice");
  return {
    role: reader.text("ROOTKEEP_POSTURE_ROLE") ?? null,
    everyHours: reader.number("ROOTKEEP_POSTURE_HOURS"),
    profiles: Object.fromEntries(pairs),
    endpoint: reader.text("ROOTKEEP_AWS_POSTURE_ENDPOINT") ?? null,
  };
}
