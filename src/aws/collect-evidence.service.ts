import { isRootkeepError } from "../kernel/errors.js";
import {
  type AccountTarget,
  type AlternateContact,
  type AwsAccountSession,
  type AwsAccounts,
  CONTACT_KINDS,
  type ContactKind,
  type OrganizationState,
} from "./aws-account.port.js";
import type { PostureEvidence } from "./posture.js";

/** What one visit brought. */
export interface Collected {
  readonly evidence: PostureEvidence;
  /** Personal data. Kinds that AWS denied are left out; null where there is no such contact. */
  readonly contacts: Readonly<Partial<Record<ContactKind, AlternateContact | null>>>;
  /** By which AWS's own log finds the calls. */
  readonly requestIds: readonly string[];
}

/** The role in the management account of AWS id `awsId`; null where we keep no such account. */
export type ManagementTarget = (awsId: string) => Promise<AccountTarget | null>;

const NO_SUMMARY: PostureEvidence["summary"] = {
  mfaEnabled: null,
  accessKeysPresent: null,
  signingCertificatesPresent: null,
  passwordPresent: null,
};

/**
 * Asks AWS everything about one account. A call that is denied leaves its part unknown, which is not good; any other failure fails the visit,
 * and nothing of it counts: half of an answer could look like a whole one.
 * @throws RootkeepError `EVIDENCE_UNAVAILABLE`
 */
export async function collectEvidence(
  accounts: AwsAccounts,
  target: AccountTarget,
  managementTarget: ManagementTarget,
  signal: AbortSignal,
): Promise<Collected> {
  const session = await accounts.signIn(target, signal);
  const visit = new Visit(session);
  try {
    const summary = (await visit.ask("iam:GetAccountSummary", () => session.accountSummary())) ?? NO_SUMMARY;
    const report = await visit.ask("iam:GetCredentialReport", () => session.rootReport());
    const organization = await visit.organization(target, async (awsId) => {
      if (awsId === target.awsId) return { session, isOther: false };
      const management = await managementTarget(awsId);
      return management === null ? null : { session: await accounts.signIn(management, signal), isOther: true };
    });
    const contacts = await visit.contacts();
    const shown = (kind: ContactKind): "present" | "absent" | "unknown" => {
      const contact = contacts[kind];
      return contact === undefined ? "unknown" : contact === null ? "absent" : "present";
    };
    const evidence: PostureEvidence = {
      summary,
      report,
      organization,
      contacts: { billing: shown("BILLING"), operations: shown("OPERATIONS"), security: shown("SECURITY") },
      denied: [...visit.denied].sort(),
    };
    return { evidence, contacts, requestIds: [...session.requestIds, ...visit.otherRequestIds] };
  } finally {
    session.close();
  }
}

/** A session whose calls may be denied. */
interface StateSession {
  readonly session: AwsAccountSession;
  readonly isOther: boolean;
}

class Visit {
  readonly denied = new Set<string>();
  otherRequestIds: readonly string[] = [];

  constructor(private readonly session: AwsAccountSession) {}

  /** The answer, or null where AWS denies it. */
  async ask<T>(action: string, call: () => Promise<T>): Promise<T | null> {
    try {
      return await call();
    } catch (error) {
      const isDenied =
        isRootkeepError(error, "EVIDENCE_UNAVAILABLE") && (error.reason === "aws_denied" || error.reason === "aws_role_denied");
      if (!isDenied) throw error;
      this.denied.add(action);
      return null;
    }
  }

  async organization(
    { awsId }: AccountTarget,
    sessionIn: (management: string) => Promise<StateSession | null>,
  ): Promise<PostureEvidence["organization"]> {
    const answer = await this.ask("organizations:DescribeOrganization", async () => ({
      management: await this.session.managementAccount(),
    }));
    if (answer === null) return { isMember: null, isManagement: null, state: null };
    const { management } = answer;
    if (management === null) return { isMember: false, isManagement: false, state: null };
    const state = await this.ask("organizations:DescribeAccount", async () => await this.#stateOf(awsId, await sessionIn(management)));
    return { isMember: true, isManagement: management === awsId, state };
  }

  async contacts(): Promise<Collected["contacts"]> {
    const contacts: Partial<Record<ContactKind, AlternateContact | null>> = {};
    for (const kind of CONTACT_KINDS) {
      const answer = await this.ask("account:GetAlternateContact", async () => ({ contact: await this.session.alternateContact(kind) }));
      if (answer !== null) contacts[kind] = answer.contact;
    }
    return contacts;
  }

  async #stateOf(awsId: string, state: StateSession | null): Promise<OrganizationState | null> {
    if (state === null) return null;
    try {
      return await state.session.accountState(awsId);
    } finally {
      if (state.isOther) {
        this.otherRequestIds = state.session.requestIds;
        state.session.close();
      }
    }
  }
}
