import { randomUUID } from "node:crypto";
import { Injectable } from "@nestjs/common";
import { PassportStrategy } from "@nestjs/passport";
import passport from "passport";
import { Strategy } from "passport-http-bearer";
import { RootkeepError } from "../kernel/errors.js";
import type { SignedIn } from "../people/sessions.service.js";
import { TokenSource } from "./edge.port.js";

/** Longer than any token of ours, short enough to hash for nothing. */
const TOKEN_CHARS_MAX = 200;

/**
 * Authenticates a bearer token (RFC 6750 §2.1). `key` is the name under which passport knows this very strategy: its registry is one per
 * process, so under a fixed name the strategy of a second application in the process would answer for the first.
 */
@Injectable()
export class BearerStrategy extends PassportStrategy(Strategy) {
  readonly key = `bearer-${randomUUID()}`;

  constructor(private readonly tokens: TokenSource) {
    super();
    passport.use(this.key, this as unknown as passport.Strategy);
  }

  async validate(token: string): Promise<SignedIn> {
    if (token.length > TOKEN_CHARS_MAX) throw new RootkeepError("UNAUTHENTICATED");
    return await this.tokens.authenticate(token);
  }
}
