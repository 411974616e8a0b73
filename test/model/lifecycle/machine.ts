// A model of one account's password through its rotations: what may be done when, and what becomes of it. It knows nothing of how the vault
// does it. Versions are numbers, in the order in which they came; the account's password at AWS is one of them.

export type VersionState = "STAGED" | "APPLYING" | "ACTIVE" | "SUPERSEDED" | "AMBIGUOUS" | "ABANDONED";

/** What somebody tries, or what happens. `late`: a verdict that is wrong, because what would show it comes to light only later. */
export const COMMANDS = [
  ...(["stage", "ask-rotate", "ask-verify", "show-candidate", "show-current", "set", "report", "return"] as const),
  ...(["settle-works", "settle-not", "settle-not-late", "settle-may", "sweep", "crash"] as const),
] as const;
export type Command = (typeof COMMANDS)[number];

/** What the vault is to answer; null where nobody tries, as there is nothing to try it on. */
export type Expected = "ok" | "CANDIDATE_REQUIRED" | "CHECKED_OUT" | "GRANT_SPENT" | "STATE_CONFLICT" | "NOT_FOUND" | null;

interface OpenGrant {
  readonly isVerifying: boolean;
  hasCandidate: boolean;
  hasCurrent: boolean;
}

export class Machine {
  readonly states: VersionState[] = ["ACTIVE"];
  /** The version that works at AWS. */
  works = 0;
  /** Given up although it works; until it is found out, nobody can open what works. */
  isMistaken = false;
  grant: OpenGrant | null = null;
  /** Versions whose setter has seen them. */
  readonly #known = new Set<number>();

  /** The one candidate, or null. */
  get candidate(): number | null {
    const found = this.states.findIndex((state) => state === "STAGED" || state === "APPLYING" || state === "AMBIGUOUS");
    return found === -1 ? null : found;
  }

  /** The newest version that was given up and may come back, or null. */
  get abandoned(): number | null {
    const found = this.states.lastIndexOf("ABANDONED");
    return found === -1 ? null : found;
  }

  /** Does it, as it should be done. @returns what the vault is to answer. */
  take(command: Command): Expected {
    const { candidate } = this;
    const state = candidate === null ? null : (this.states[candidate] ?? null);
    switch (command) {
      case "stage":
        if (state !== null && state !== "STAGED") return "STATE_CONFLICT";
        if (candidate === null) this.states.push("STAGED");
        return "ok";
      case "ask-rotate":
        return candidate === null ? "CANDIDATE_REQUIRED" : this.#granted(false);
      case "ask-verify":
        return state === "AMBIGUOUS" ? this.#granted(true) : "STATE_CONFLICT";
      case "show-candidate":
        return this.#shown(candidate);
      case "show-current":
        if (this.grant === null) return null;
        if (this.grant.hasCurrent) return "GRANT_SPENT";
        this.grant.hasCurrent = true;
        return "ok";
      case "set":
        // Only what is a candidate still: whoever was told that it is given up does not type it in.
        if (candidate === null || !this.#known.has(candidate)) return null;
        this.works = candidate;
        this.isMistaken = false;
        return "ok";
      case "report":
        if (candidate === null || state === "STAGED") return null;
        if (!this.#known.has(candidate)) return "NOT_FOUND";
        this.states[candidate] = "AMBIGUOUS";
        return "ok";
      case "return":
        if (this.grant === null) return null;
        this.grant = null;
        if (candidate !== null && state === "APPLYING") this.states[candidate] = "AMBIGUOUS";
        return "ok";
      case "sweep":
      case "crash":
        return "ok";
      default:
        return this.#settled(command, candidate, state);
    }
  }

  #granted(isVerifying: boolean): Expected {
    if (this.grant !== null) return "CHECKED_OUT";
    this.grant = { isVerifying, hasCandidate: false, hasCurrent: false };
    return "ok";
  }

  #shown(candidate: number | null): Expected {
    const { grant } = this;
    if (grant === null || candidate === null) return null;
    if (grant.hasCandidate) return "GRANT_SPENT";
    grant.hasCandidate = true;
    if (this.states[candidate] === "STAGED") this.states[candidate] = "APPLYING";
    if (!grant.isVerifying) this.#known.add(candidate);
    return "ok";
  }

  #settled(command: Command, candidate: number | null, state: VersionState | null): Expected {
    if (command === "settle-may") {
      const { abandoned } = this;
      if (abandoned === null) return null;
      if (this.states.some((other, at) => at !== abandoned && other !== "ABANDONED" && (at > abandoned || at === candidate)))
        return "STATE_CONFLICT";
      this.states[abandoned] = "AMBIGUOUS";
      this.isMistaken &&= this.works !== abandoned;
      return "ok";
    }
    const isWorking = candidate === this.works;
    // Nobody finds out what is not so; a late verdict is one that is.
    if (candidate === null || isWorking !== (command !== "settle-not")) return null;
    if (this.grant !== null || (command === "settle-works" && state !== "AMBIGUOUS")) return "STATE_CONFLICT";
    if (command === "settle-works") {
      this.states[this.states.indexOf("ACTIVE")] = "SUPERSEDED";
      this.states[candidate] = "ACTIVE";
    } else {
      this.states[candidate] = "ABANDONED";
      this.isMistaken ||= isWorking;
    }
    return "ok";
  }
}
