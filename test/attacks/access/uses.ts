// What attackers do with what they forged, where several forgeries are for the same.
import { unusedCode } from "../../support/act-code.js";
import { formOf, type Vault } from "../../support/vault.js";
import type { Scene } from "./scene.js";

/** Rita opens what was granted to her. */
export async function openHeld({ rita, grants }: Scene, { reveals }: Vault): Promise<unknown> {
  return await reveals.reveal(rita, grants.held, "root-password", await unusedCode(rita));
}

/** Alan gives the first of two approvals that the insider's request needs: with one forged beside it, or a rule less, it would be the last. */
export async function approveOne({ alan, requests }: Scene, vault: Vault): Promise<unknown> {
  return await vault.requests.approve(alan, requests.suspended, await unusedCode(alan), "");
}

/** The insider asks for an account that is not theirs to ask for. */
export async function askBeyond({ mal, accounts }: Scene, vault: Vault): Promise<unknown> {
  const form = { operation: "secret.reveal", accountId: accounts.acmeTwo, purpose: "billing-root-only", ticket: "INC-9" } as const;
  return await vault.requests.submit(mal, formOf(form));
}
