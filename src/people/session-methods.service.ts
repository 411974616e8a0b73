import passport from "passport";
import { Strategy as LocalStrategy } from "passport-local";
import { RootkeepError } from "../kernel/errors.js";
import type { NewSession } from "./sessions.service.js";
import type { SignIn } from "./sign-in.service.js";

/** Ways to open a session with one call. A sign-in at a provider takes two (`OidcSignIn`); passkeys become one more strategy under one more name. */
export type SessionMethod = "password";

/** What a caller proves themselves with, already checked for form. */
export interface PasswordProof {
  readonly email: string;
  readonly password: string;
  readonly code: string;
  readonly address: string;
}

/**
 * Opens sessions through passport strategies. The strategies stand in a registry of this object's own: passport's global one would let the
 * strategy of another application in the same process answer for this one. They see the proof alone and not the request, because
 * passport-local also looks into the query, where no password may ever stand (law L8).
 */
export class SessionMethods {
  readonly #passport = new passport.Passport();

  /** @param isPasswordOffered false where everybody signs in at the company's provider. */
  constructor(
    signIn: Pick<SignIn, "signIn">,
    private readonly isPasswordOffered = true,
  ) {
    const options = { usernameField: "email", passwordField: "password", passReqToCallback: true, session: false } as const;
    this.#passport.use(
      "password",
      new LocalStrategy(options, (request, email, password, done) => {
        const { code, address } = request.body as PasswordProof;
        signIn.signIn({ email, password, code, address }).then((session) => done(null, session), done);
      }),
    );
  }

  /**
   * Opens a session by `method`.
   * @throws RootkeepError `UNAUTHENTICATED`, `LOCKED_OUT`; `STATE_CONFLICT` where passwords are not offered, before one is looked at.
   */
  async open(method: SessionMethod, proof: PasswordProof): Promise<NewSession> {
    if (!this.isPasswordOffered) throw new RootkeepError("STATE_CONFLICT", { facts: { rule: "sign in at the company's provider" } });
    return await new Promise<NewSession>((resolve, reject) => {
      const answer = (error: unknown, session?: unknown): void => {
        if (error !== null && error !== undefined) reject(error instanceof Error ? error : new Error("sign-in strategy failed"));
        else if (session === undefined || session === false) reject(new RootkeepError("UNAUTHENTICATED"));
        else resolve(session as NewSession);
      };
      const run = this.#passport.authenticate(method, { session: false }, answer) as (
        request: object,
        reply: object,
        next: typeof answer,
      ) => void;
      run({ body: { ...proof } }, {}, answer);
    });
  }
}
