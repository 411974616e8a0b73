import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { AccountClient, PutAlternateContactCommand } from "@aws-sdk/client-account";
import { CloseAccountCommand, CreateAccountCommand, CreateOrganizationCommand, OrganizationsClient } from "@aws-sdk/client-organizations";
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import type { AwsAccountSession } from "../../../src/aws/aws-account.port.js";
import { NO_TIME } from "../../../src/aws/aws-account.port.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { EXTERNAL_ID, emulatedAccounts, signInTo, VAULT_KEYS } from "../../support/aws-accounts.js";
import { AwsDouble } from "../../support/aws-double.js";
import { startMoto } from "../../support/moto.js";

// real: the adapter, the AWS SDK, HTTP. double: AWS (moto for what it implements, and our own for what it does not).

interface Home {
  signIn(awsId: string, externalId?: string): Promise<AwsAccountSession>;
  /** An account of no organization, a management account, and its member; each without MFA of root. */
  readonly standalone: string;
  readonly management: string;
  readonly member: string;
  closeMember(): Promise<void>;
  putContact(contact: typeof CONTACT): Promise<void>;
  /** Limits of the emulator, by what it lacks; each skips what it names, with its reason. */
  readonly limits: Readonly<Partial<Record<"root's row" | "trust" | "denials" | "password", string>>>;
}

const CONTACT = { Name: "Security Desk", Title: "Lead", EmailAddress: "security@example.com", PhoneNumber: "+491234567" };

const stops: (() => Promise<void>)[] = [];
after(async () => {
  for (const stop of stops) await stop();
});

async function doubleHome(): Promise<Home> {
  const double = await AwsDouble.start();
  stops.push(() => double.stop());
  const [standalone, management, member] = ["333333333333", "123456789012", "444444444444"];
  const common = { externalId: EXTERNAL_ID, hasMfa: false };
  const alone = double.account(standalone, common);
  double.account(management, { ...common, managementId: management });
  const ours = double.account(member, { ...common, managementId: management });
  const accounts = emulatedAccounts(double.endpoint);
  return {
    ...{ standalone, management, member },
    signIn: (awsId, externalId) => signInTo(accounts, awsId, externalId),
    closeMember: async () => {
      ours.state = "SUSPENDED";
    },
    putContact: async (contact) => {
      alone.contacts["SECURITY"] = contact;
    },
    limits: {},
  };
}

async function motoHome(endpoint: string): Promise<Home> {
  const settings = { endpoint, region: "us-east-1", credentials: VAULT_KEYS };
  const organizations = new OrganizationsClient(settings);
  await organizations.send(new CreateOrganizationCommand({ FeatureSet: "ALL" }));
  const made = await organizations.send(new CreateAccountCommand({ AccountName: "member", Email: "member@example.com" }));
  const member = made.CreateAccountStatus?.AccountId ?? "";
  const accounts = emulatedAccounts(endpoint);
  const standalone = "333333333333";
  return {
    ...{ standalone, management: "123456789012", member },
    signIn: (awsId, externalId) => signInTo(accounts, awsId, externalId),
    closeMember: async () => {
      await organizations.send(new CloseAccountCommand({ AccountId: member }));
    },
    putContact: async (contact) => {
      const { Credentials: keys } = await new STSClient(settings).send(
        new AssumeRoleCommand({ RoleArn: `arn:aws:iam::${standalone}:role/x`, RoleSessionName: "customer" }),
      );
      const credentials = {
        accessKeyId: keys?.AccessKeyId ?? "",
        secretAccessKey: keys?.SecretAccessKey ?? "",
        sessionToken: keys?.SessionToken ?? "",
      };
      const client = new AccountClient({ ...settings, credentials });
      await client.send(new PutAlternateContactCommand({ AlternateContactType: "SECURITY", ...contact }));
    },
    limits: {
      "root's row": "this emulator's credential report has no row of root",
      trust: "this emulator gives a session to anybody, with any external id",
      denials: "this emulator checks no policy of a session",
      password: "this emulator's summary has no AccountPasswordPresent",
    },
  };
}

const refusedFor = (reason: string) => (error: unknown) => isRootkeepError(error, "EVIDENCE_UNAVAILABLE") && error.reason === reason;

function contract(name: string, skip: string | false, open: () => Promise<Home>): void {
  describe(`accounts of customers: ${name}`, { skip }, () => {
    const opened = skip === false ? open() : undefined;
    const home = async () => (await opened) as Home;

    it("signs in to the account that was asked for", async () => {
      const { signIn, standalone } = await home();
      assert.equal((await signIn(standalone)).awsId, standalone);
    });

    it("reads the summary, and takes what it does not say for unknown", async () => {
      const { signIn, standalone, limits } = await home();
      assert.deepEqual(await (await signIn(standalone)).accountSummary(), {
        mfaEnabled: false,
        accessKeysPresent: false,
        signingCertificatesPresent: false,
        passwordPresent: limits.password === undefined ? true : null,
      });
    });

    it("reads root's row of the credential report", async (test) => {
      const { signIn, standalone, limits } = await home();
      const session = await signIn(standalone);
      if (limits["root's row"] !== undefined) {
        await assert.rejects(session.rootReport(), refusedFor("aws_answer_is_malformed"));
        test.skip(limits["root's row"]);
        return;
      }
      const report = await session.rootReport();
      assert.equal(report.mfaActive, false);
      assert.deepEqual(report.accessKeys[0], { isPresent: false, isActive: false, since: NO_TIME });
    });

    it("tells an account of no organization from a management account and from a member", async () => {
      const { signIn, standalone, management, member } = await home();
      assert.equal(await (await signIn(standalone)).managementAccount(), null);
      assert.equal(await (await signIn(management)).managementAccount(), management);
      assert.equal(await (await signIn(member)).managementAccount(), management);
    });

    it("reads the state of a member from its management account, also after it was closed", async () => {
      const { signIn, management, member, closeMember } = await home();
      const session = await signIn(management);
      assert.equal(await session.accountState(member), "ACTIVE");
      assert.equal(await session.accountState(management), "ACTIVE");
      assert.equal(await session.accountState("555555555555"), null);
      await closeMember();
      assert.equal(await session.accountState(member), "SUSPENDED");
    });

    it("reads an alternate contact, and that there is none", async () => {
      const { signIn, standalone, putContact } = await home();
      const session = await signIn(standalone);
      assert.equal(await session.alternateContact("SECURITY"), null);
      await putContact(CONTACT);
      const { Name: name, Title: title, EmailAddress: email, PhoneNumber: phone } = CONTACT;
      assert.deepEqual(await session.alternateContact("SECURITY"), { name, title, email, phone });
      assert.equal(await session.alternateContact("BILLING"), null);
    });

    it("is let in by its own external id alone", async (test) => {
      const { signIn, standalone, limits } = await home();
      if (limits.trust !== undefined) {
        test.skip(limits.trust);
        return;
      }
      await assert.rejects(signIn(standalone, "5b1c1f0e-2222-4000-8000-000000000002"), refusedFor("aws_role_denied"));
      await assert.rejects(signIn("999988887777"), refusedFor("aws_role_denied"));
    });

    it("is denied what only a management account may ask", async (test) => {
      const { signIn, member, limits } = await home();
      if (limits.denials !== undefined) {
        test.skip(limits.denials);
        return;
      }
      await assert.rejects((await signIn(member)).accountState(member), refusedFor("aws_denied"));
    });

    it("notes by which ids AWS's own log finds the calls", async () => {
      const { signIn, standalone } = await home();
      const session = await signIn(standalone);
      await session.accountSummary();
      assert.match(session.requestIds.join("\n"), /^sts:GetCallerIdentity \S{8,}\niam:GetAccountSummary \S{8,}$/);
    });

    it("asks nothing once it is closed", async () => {
      const { signIn, standalone } = await home();
      const session = await signIn(standalone);
      session.close();
      await assert.rejects(session.accountSummary());
    });
  });
}

const moto = await startMoto();
if ("stop" in moto) stops.push(() => moto.stop());
contract("over moto", "absent" in moto ? moto.absent : false, () => motoHome("absent" in moto ? "" : moto.endpoint));
contract("over the double", false, doubleHome);
