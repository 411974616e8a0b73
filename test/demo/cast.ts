import { ApiClient } from "../../src/cli/api-client.js";
import { Person } from "./person.js";
import { check, ok, refused, sleep } from "./say.js";

/** Everybody who acts in the demo. */
export type Cast = Readonly<Record<"ada" | "ben" | "cleo" | "dan" | "eve" | "finn", Person>>;

/** The customer whose accounts the requester may ask for. */
export const CUSTOMER = "Harbour Clinic";

const ALL = { kind: "all" };

/** Founds the deployment, enrols everybody else under dual control, and gives them their roles. */
export async function gather(address: string, invitations: readonly string[]): Promise<Cast> {
  const person = (name: string): Person => new Person(name, address);
  const [ada, ben] = [person("Ada Quist"), person("Ben Okoro")];
  await found(address, [ada, ben], invitations);
  const cast = { ada, ben, cleo: person("Cleo Marsh"), dan: person("Dan Ilves"), eve: person("Eve Tanaka"), finn: person("Finn Abara") };
  const usableFrom: number[] = [];
  // Asking and approving alternate between the two, so that neither waits for a time step of their own.
  for (const [index, one] of [cast.cleo, cast.dan, cast.eve, cast.finn].entries()) {
    const [asking, approving] = index % 2 === 0 ? [ada, ben] : [ben, ada];
    usableFrom.push(await enrol(address, one, asking, approving, index === 0));
  }
  ok(
    "enrolled Cleo, Dan, Eve and Finn: one custodian asked and took the link, the other approved and took the code, each with a fresh code of their own",
  );
  await sleep(Math.max(0, Math.max(...usableFrom) - Date.now()));
  await allow(ada, ben, cast.cleo, "requester", { kind: "customer", values: [CUSTOMER] });
  await allow(ben, ada, cast.cleo, "approver", ALL);
  await allow(ada, ben, cast.dan, "approver", ALL);
  await allow(ben, ada, cast.eve, "approver", ALL);
  await allow(ada, ben, cast.finn, "auditor", ALL);
  ok(
    `allowlisted: Cleo asks for accounts of ${CUSTOMER}; Cleo, Dan and Eve approve; Finn audits; each entry asked by one custodian, approved by the other`,
  );
  for (const one of [cast.cleo, cast.dan, cast.eve, cast.finn]) await one.signIn();
  ok("all six people are signed in with password and authenticator");
  return cast;
}

async function found(address: string, founders: readonly Person[], invitations: readonly string[]): Promise<void> {
  check("there is one founding invitation for each custodian", invitations.length === founders.length);
  const visitor = new ApiClient(address, null);
  let isFounded = false;
  for (const [index, founder] of founders.entries()) {
    const token = invitations[index] ?? "";
    const { name, email, password } = founder;
    founder.enrolAuthenticator(await visitor.release("/v1/founding/acceptances", { token, name, email, password }, "otpauth"));
    const answer = await founder.withCode((code) => visitor.post("/v1/founding/confirmations", { token, code }));
    isFounded = answer.isTrue("isFounded");
    check("the deployment is founded by the last custodian and not before", isFounded === (index === founders.length - 1));
  }
  await refused("NOT_FOUND", () =>
    visitor.release(
      "/v1/founding/acceptances",
      { token: invitations[0] ?? "", name: "Mallory", email: "m@example.com", password: "one more founder" },
      "otpauth",
    ),
  );
  for (const founder of founders) await founder.signIn();
  ok(`founded once by two custodians, ${founders.map(({ name }) => name).join(" and ")}; a used founding invitation is refused`);
}

async function enrol(address: string, one: Person, asking: Person, approving: Person, isFirst: boolean): Promise<number> {
  const { name, email, password } = one;
  const requestId = await asking.ask({ operation: "person.enrol", reason: `${name} joins the team`, subject: { name, email } });
  if (isFirst) {
    await refused("SELF_APPROVAL", () => asking.approve(requestId));
    ok(`refused: ${asking.firstName} approving the enrolment that ${asking.firstName} asked for (SELF_APPROVAL)`);
  }
  await approving.approve(requestId);
  const link = await asking.takeHalf(requestId, "link");
  await refused("NOT_FOUND", () => asking.takeHalf(requestId, "code"));
  if (isFirst) {
    const bySessionAlone = { code: "000000" };
    await refused("STEP_UP_REQUIRED", () => approving.client.release(`/v1/requests/${requestId}/invitation-code`, bySessionAlone, "code"));
    ok(
      `refused: the enrolment's code to ${approving.firstName}'s session without ${approving.firstName}'s authenticator (STEP_UP_REQUIRED)`,
    );
  }
  const code = await approving.takeHalf(requestId, "code");
  for (const { secret } of [link, code]) secret.expose((text) => one.secrets.push(text));
  const visitor = new ApiClient(address, null);
  const accepted = await visitor.release("/v1/invitations/acceptances", { token: link.secret, code: code.secret, password }, "otpauth");
  one.enrolAuthenticator(accepted);
  const confirmed = await one.withCode((fresh) => visitor.post("/v1/invitations/confirmations", { token: link.secret, code: fresh }));
  return Date.parse(confirmed.text("usableFrom"));
}

async function allow(asking: Person, approving: Person, one: Person, role: string, scope: object): Promise<void> {
  const reason = `${one.name} works as ${role}`;
  await approving.approve(await asking.ask({ operation: "allowlist.grant", reason, subject: { personId: one.id, role, scope } }));
}
