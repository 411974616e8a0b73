import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The project's root: compiled tests live four folders below it. */
export const ROOT = new URL("../../../../", import.meta.url);

/** Vectors that others made; they are beside the project, not in it. */
export const SHARED_VECTORS = new URL("../shared/vectors/", ROOT);
export const NO_SHARED_VECTORS = existsSync(SHARED_VECTORS) ? false : "the vectors of others do not lie beside the project";

/**
 * The vectors of test/conformance/vectors/`name`: lists whose items have exactly the members of `shape`. A vector that is understood by
 * half proves nothing, so an unknown list or member fails.
 */
export function readVectors<const S extends Readonly<Record<string, readonly string[]>>>(
  name: string,
  shape: S,
): { readonly [L in keyof S]: readonly Readonly<Record<S[L][number], string>>[] } {
  const path = fileURLToPath(new URL(`test/conformance/vectors/${name}`, ROOT));
  const file = JSON.parse(readFileSync(path, "utf8")) as Record<string, readonly Record<string, unknown>[]>;
  if (Object.keys(file).sort().join() !== Object.keys(shape).sort().join())
    throw new Error(`${name} has other lists than its reader knows`);
  for (const [list, members] of Object.entries(shape)) {
    for (const vector of file[list] ?? []) {
      const isKnown = Object.keys(vector).sort().join() === [...members].sort().join();
      if (!isKnown || !Object.values(vector).every((value) => typeof value === "string")) {
        throw new Error(`${name}: a vector of "${list}" has other members than its reader knows`);
      }
    }
  }
  return file as never;
}
