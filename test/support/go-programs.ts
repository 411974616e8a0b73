// Builds Go programs with the packages that Go itself checks logs with, golang.org/x/mod/sumdb/{note,tlog}, without asking a module proxy.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";

const PACKAGES = "golang.org/x/mod";
const DEBIAN_PACKAGE = "golang-golang-x-mod-dev";

/** Where the packages' source lies: Debian's package, or what every Go tree carries for its own command. */
function sourceOfPackages(): string | null {
  const listed = spawnSync("dpkg", ["-L", DEBIAN_PACKAGE], { encoding: "utf8" }).stdout as string | null;
  const [, debian] = /^(\/.*)\/sumdb\/tlog$/m.exec(listed ?? "") ?? [];
  const root = (spawnSync("go", ["env", "GOROOT"], { encoding: "utf8" }).stdout as string | null)?.trim() ?? "";
  const places = [debian ?? "", join(root, "src", "cmd", "vendor", PACKAGES)];
  return places.find((place) => place !== "" && existsSync(join(place, "sumdb", "tlog"))) ?? null;
}

const SOURCE = sourceOfPackages();

/** Why no program can be built here, or false. */
export const NO_GO =
  spawnSync("go", ["version"]).status !== 0
    ? "go is not installed"
    : SOURCE === null && `the Go package ${PACKAGES} is not installed (Debian: ${DEBIAN_PACKAGE})`;

/**
 * Builds the program of one file.
 * @param folder an empty one, for the packages and what is built.
 * @returns the path of the program.
 * @throws Error with the compiler's words.
 */
export function buildGo(source: string, folder: string): string {
  if (SOURCE === null) throw new Error("there are no packages to build with");
  cpSync(SOURCE, join(folder, "src", PACKAGES), { recursive: true, dereference: true });
  const program = join(folder, "program");
  const env = { ...process.env, GO111MODULE: "off", GOFLAGS: "", GOPATH: folder };
  const { status, stderr } = spawnSync("go", ["build", "-o", program, source], { env, encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return program;
}
