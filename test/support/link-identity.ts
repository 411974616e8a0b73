import type { TestProvider } from "./oidc-provider.js";
import type { Actor, Vault } from "./vault.js";

/** Links `who` at the provider to a person: two custodians decide, each gives half, the person completes (at another replica if one is named). */
export async function linkIdentity(vault: Vault, provider: TestProvider, person: Actor, who: string, at: Vault = vault): Promise<void> {
  const { requestId } = await vault.decide({ operation: "identity.link", subject: { personId: person.personId } });
  const { token, code: invitationCode } = await vault.invitation(requestId);
  const { loginToken, authorizationUrl } = await at.people.provider.signIn.begin("link");
  const response = await provider.visit(authorizationUrl, who);
  const form = { token, invitationCode, code: await person.app.next(), address: "127.0.0.1" };
  await at.people.provider.signIn.link({ loginToken, response }, form);
}
