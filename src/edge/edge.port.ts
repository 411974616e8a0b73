import type { EntryDraft } from "../audit/entry.js";
import type { Id } from "../kernel/ids.js";
import type { SignedIn } from "../people/sessions.service.js";

/** Who is behind a bearer token. Abstract classes stand for the ports, so that they are their own injection tokens. */
export abstract class TokenSource {
  /** @throws RootkeepError `UNAUTHENTICATED` */
  abstract authenticate(token: string): Promise<SignedIn>;
  /**
   * Before an act that takes a second factor: whoever signed in at the company's provider must stand there at this moment.
   * @throws RootkeepError `UNAUTHENTICATED`, `UNAVAILABLE`
   */
  abstract assertStandsAtProvider(sessionId: Id<"session">): Promise<void>;
}

/** Whether the deployment has been founded. */
export abstract class FoundingState {
  abstract isFounded(): Promise<boolean>;
}

/** Keyed hash of a request's body; the database never sees the key. */
export abstract class BodyHash {
  /** @returns 32 bytes. */
  abstract bodyHash(body: Buffer): Buffer;
}

/** Where refusals are written down. */
export abstract class RefusalLog {
  /** Resolves when the entry is durable. */
  abstract record(draft: EntryDraft): Promise<unknown>;
}

/** What the edge says about the build that runs. */
export abstract class BuildFacts {
  abstract readonly version: string;
}
