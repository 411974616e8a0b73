import type { Id } from "../kernel/ids.js";

/** Where sealed values are kept besides the database, so that its loss loses no password that somebody may have set (law L5). */
export interface CopyKeeper {
  /**
   * Resolves once the version's sealed bytes lie there, with all that opening them needs; at once where they do already.
   * @throws RootkeepError when they do not: then nobody is shown the value.
   */
  keep(versionId: Id<"version">): Promise<void>;
}

/** For a deployment without a second place: its password is as safe as its last backup. */
export const NO_COPIES: CopyKeeper = Object.freeze({ keep: () => Promise.resolve() });
