import type { Id } from "../kernel/ids.js";

/** Who calls, as the edge found out before any controller runs. */
export type Caller =
  | { readonly type: "person"; readonly personId: Id<"person">; readonly sessionId: Id<"session"> }
  | { readonly type: "anonymous" };

/** The signed-in kind of {@link Caller}. */
export type PersonCaller = Extract<Caller, { type: "person" }>;

export const ANONYMOUS: Caller = Object.freeze({ type: "anonymous" });

/** What the edge adds to a request for those behind it. */
export interface CalledRequest {
  readonly caller?: Caller;
  readonly requestId?: string;
}
