// Policies of tests: changed under dual control, as in life.

import { policyHash } from "../../src/approvals/policy.js";
import type { Id } from "../../src/kernel/ids.js";
import { type Actor, formOf, type Vault } from "./vault.js";

/** Hash of the policy in force of this name, or null. */
export async function hashOf(vault: Vault, name: string): Promise<string | null> {
  const policy = (await vault.policies.current()).policies.find((known) => known.name === name);
  return policy === undefined ? null : policyHash(policy);
}

/** Puts a policy into force, for all accounts unless told; null takes it away. One custodian asks, the other approves. */
export async function setPolicy(
  vault: Vault,
  name: string,
  terms: object | null,
  purposes: "all" | readonly string[] = "all",
): Promise<void> {
  const policy = terms === null ? null : { name, purposes, scope: { kind: "all" }, ...terms };
  await vault.decide({ operation: "policy.change", subject: { name, policy, replaces: await hashOf(vault, name) } });
}

/** Puts somebody into a team. */
export async function setTeam(vault: Vault, { personId }: Actor, team: string | null): Promise<void> {
  await vault.decide({ operation: "person.team", subject: { personId, team } });
}

/** Asks to open an account's root credentials. */
export async function ask(
  vault: Vault,
  requester: Actor,
  accountId: Id<"account">,
  rest: Partial<Parameters<typeof formOf>[0]> = {},
): Promise<Id<"request">> {
  const form = formOf({ operation: "secret.reveal", accountId, purpose: "billing-root-only", ticket: "INC-42", ...rest });
  return (await vault.requests.submit(requester, form)).requestId;
}

/** Approves with a fresh code. */
export async function approve(vault: Vault, approver: Actor, requestId: Id<"request">): Promise<{ state: string; needed: number }> {
  return await vault.requests.approve(approver, requestId, await approver.app.next(), "");
}
