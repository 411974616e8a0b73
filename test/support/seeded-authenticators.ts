import type { WorkTransaction } from "../../src/database/work-transaction.js";
import { type Id, newId } from "../../src/kernel/ids.js";
import { Authenticator } from "../../src/people/authenticator.entity.js";
import type { AuthenticatorSeal } from "../../src/people/authenticator-seal.service.js";
import { otpauthUri } from "../../src/people/otpauth.js";

/** An authenticator that is sealed and not written yet. */
export interface NewAuthenticator {
  readonly id: Id<"authenticator">;
  readonly sealed: Buffer;
  readonly dataKeyId: string;
  readonly otpauth: string;
}

/** Authenticators for one person, who can then act often in one time step. */
export async function newAuthenticators(
  seal: AuthenticatorSeal,
  person: { readonly personId: Id<"person">; readonly email: string },
  count: number,
  stepSeconds = 1,
): Promise<NewAuthenticator[]> {
  const made: NewAuthenticator[] = [];
  for (let index = 0; index < count; index++) {
    const id = newId("authenticator");
    const seed = seal.newSeed();
    made.push({ id, ...(await seal.seal(person.personId, id, seed)), otpauth: otpauthUri(seed, person.email, "test", stepSeconds) });
    seed.wipe();
  }
  return made;
}

/** Writes them, usable at once, in the caller's transaction. */
export function insertAuthenticators(
  tx: WorkTransaction,
  personId: Id<"person">,
  made: readonly NewAuthenticator[],
  now: Date,
): Authenticator[] {
  return made.map(({ id, sealed, dataKeyId }) =>
    tx.insert(Authenticator, {
      id,
      personId,
      kind: "totp",
      state: "ACTIVE",
      passwordHash: null,
      sealed,
      dataKeyId: dataKeyId as Id<"dataKey">,
      lastStep: null,
      usableFrom: now,
      createdAt: now,
    }),
  );
}
