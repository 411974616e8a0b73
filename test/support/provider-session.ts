// Sessions that a sign-in at the test's provider opened, and how long ago the provider was asked about them.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { encodeFields } from "../../src/kernel/encoding.js";
import type { NewSession } from "../../src/people/sessions.service.js";
import type { DatabaseOwner } from "./database-owner.js";
import type { TestProvider } from "./oidc-provider.js";
import type { Actor, Vault } from "./vault.js";

/** Signs `person` in at the provider, who is called `who` there. */
export async function signInAtProvider(vault: Vault, provider: TestProvider, person: Actor, who: string): Promise<NewSession> {
  const { loginToken, authorizationUrl } = await vault.people.provider.signIn.begin("sign-in");
  const response = await provider.visit(authorizationUrl, who);
  return await vault.people.provider.signIn.complete({ loginToken, response }, await person.app.next(), "127.0.0.1");
}

/** As if the provider had been asked `seconds` ago: the row that this service would have written then. */
export async function backdate(vault: Vault, owner: DatabaseOwner, { sessionId }: NewSession, seconds: number): Promise<void> {
  const [row] = await owner.rows<{ sid_hash: Buffer | null; data_key_id: string; sealed: Buffer }>(
    "SELECT * FROM people.provider_session WHERE session_id = $1",
    [sessionId],
  );
  assert.ok(row);
  const at = new Date(Date.now() - seconds * 1000);
  const digest = createHash("sha256").update(row.sealed).digest("hex");
  const sid = row.sid_hash?.toString("hex") ?? "-";
  const bytes = encodeFields(["rk-provider-session-1", sessionId, sid, row.data_key_id, digest, at.toISOString()]);
  await owner.run("UPDATE people.provider_session SET checked_at = $2, mac = $3 WHERE session_id = $1", [
    sessionId,
    at,
    vault.keys.records.mac(bytes),
  ]);
}
