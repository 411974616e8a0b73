import type { Custody, Step, StepList } from "./checklist.js";

const PASSWORD_HERE: readonly Custody[] = ["VAULTED", "SPLIT", "CO_OWNED"];
const MFA_HERE: readonly Custody[] = ["VAULTED", "CO_OWNED"];
/** Custodies in which root reaches the customer by our doing. */
const ROOT_FROM_US: readonly Custody[] = [...PASSWORD_HERE, "CENTRAL"];

const HANDS: Pick<Step, "who" | "roles" | "isWaivable"> = { who: "person", roles: ["requester", "custodian"], isWaivable: true };
const PURPOSES = ["release-handback"] as const;

/**
 * R0 to R14: giving the root user back (domain file §6.5). Phone, password, e-mail, MFA, then the customer's own reset: at every moment
 * somebody can recover the account. Until R7 we hold the mailbox; after it the customer alone holds mailbox and phone.
 */
const STEPS: readonly Step[] = [
  {
    ...HANDS,
    id: "R0",
    title: "The customer has named where it goes, and to whom",
    isWaivable: false,
    instruction:
      "On paper from the authorised signer: the target root e-mail (not in a domain that the same account hosts, not used by another AWS account), phone, payment method and tax data or the target organization's id, the named receiver, the date, and that an MFA device is at hand.",
    needs: [],
    evidence: [{ kind: "document" }],
  },
  {
    ...HANDS,
    id: "R1",
    title: "Frozen, and the inventory exported",
    instruction:
      "Beginning the hand-back has ended what was open; nothing but release-handback opens now. Export contacts, organization, roles, agreements, invoices and tickets of the account, and name the SHA-256 of the inventory.",
    needs: ["R0"],
    evidence: [{ kind: "document" }, { kind: "attestation" }],
  },
  {
    ...HANDS,
    id: "R2",
    title: "The target can take it",
    instruction:
      "Into an organization: the customer's management account sends the invitation. Standalone: support plan, verified contact, payment method; at least 4 days since the account was made; no delegated administrator. A whole organization: billing transfer first, effective on the 1st of the next month; root ownership within 60 days.",
    needs: ["R0"],
    evidence: [{ kind: "attestation" }, { kind: "document" }],
  },
  {
    ...HANDS,
    id: "R3",
    title: "Recovery of the root password allowed, while it is still our member",
    isWaivable: false,
    instruction:
      "The account has no root password. Run the purpose root-password-allow-recovery (sts:AssumeRoot with IAMCreateRootUserPassword) before it leaves our organization: afterwards nobody can, and the customer could not set one.",
    needs: ["R1"],
    evidence: [{ kind: "aws-event", events: ["CreateLoginProfile"] }],
    applies: { custodies: ["CENTRAL"] },
    purposes: ["root-password-allow-recovery"],
  },
  {
    ...HANDS,
    id: "R4",
    title: "The customer was warned of what ends",
    instruction:
      "Cost data of the time in our organization, SCPs and RCPs, organization agreements (such as a BAA), tags on the account, Identity Center assignments, RAM shares; StackSets may delete resources.",
    needs: ["R0"],
    evidence: [{ kind: "document" }, { kind: "attestation" }],
  },
  {
    ...HANDS,
    id: "R5",
    title: "Primary contact and phone are the customer's",
    isWaivable: false,
    instruction: "The customer's administrator: account put-contact-information with their own number. Before the e-mail address changes.",
    needs: ["R1"],
    evidence: [{ kind: "aws-event", events: ["PutContactInformation"] }],
    applies: { custodies: ROOT_FROM_US },
  },
  {
    ...HANDS,
    id: "R6",
    title: "A transfer password is set",
    instruction:
      "Rotate to a fresh, generated password: never hand over one that was used. Console as root: Security credentials, Password, Update.",
    needs: ["R5"],
    evidence: [
      { kind: "rotation", of: "root-password" },
      { kind: "aws-event", events: ["ChangePassword", "PasswordUpdated"] },
    ],
    applies: { custodies: PASSWORD_HERE },
    purposes: PURPOSES,
  },
  {
    ...HANDS,
    id: "R7",
    title: "Root e-mail changed to the customer's address",
    isWaivable: false,
    instruction:
      "Console as root: Account, Account details, Edit, Email address; a member: account start-primary-email-update. The code goes to the customer, who reads it to you or enters it.",
    needs: ["R2", "R4", "R5", "R6"],
    evidence: [{ kind: "aws-event", events: ["EmailUpdated", "AcceptPrimaryEmailUpdate"] }],
    applies: { custodies: ROOT_FROM_US },
    purposes: PURPOSES,
  },
  {
    ...HANDS,
    id: "R8",
    title: "Our MFA devices removed, all of them",
    isWaivable: false,
    instruction:
      "Console as root: Security credentials, Multi-factor authentication: remove each device of ours, the spare hardware keys too. The customer registers their own at the first sign-in.",
    needs: ["R7"],
    evidence: [{ kind: "aws-event", events: ["DeactivateMFADevice"] }, { kind: "attestation" }],
    applies: { custodies: MFA_HERE },
    purposes: PURPOSES,
  },
  {
    ...HANDS,
    id: "R9",
    title: "The customer has reset password and MFA",
    isWaivable: false,
    instruction:
      "The customer: sign-in page, Forgot password, link in their mailbox, own password; registers at least two MFA devices of their own.",
    needs: ["R3", "R7", "R8"],
    evidence: [{ kind: "aws-event", events: ["PasswordRecoveryCompleted", "EnableMFADevice"] }, { kind: "document" }],
    applies: { custodies: ROOT_FROM_US },
  },
  {
    ...HANDS,
    id: "R10",
    title: "The customer's receipt",
    isWaivable: false,
    instruction: "Signed by the named receiver: root signs in, there are no root keys, the phone number is theirs.",
    needs: ["R1", "R9"],
    evidence: [{ kind: "document" }],
  },
  {
    ...HANDS,
    id: "R11",
    title: "Out of our organization, and our roles deleted",
    isWaivable: false,
    instruction:
      "Accept the customer's invitation (organizations accept-handshake), or organizations remove-account-from-organization. Delete OrganizationAccountAccessRole, our other roles and identity providers: they are not removed by leaving.",
    needs: ["R2", "R3", "R10"],
    evidence: [
      { kind: "aws-event", events: ["AcceptHandshake", "LeaveOrganization", "RemoveAccountFromOrganization"] },
      { kind: "attestation" },
    ],
  },
  {
    ...HANDS,
    id: "R12a",
    title: "Our password fails",
    isWaivable: false,
    instruction:
      "One attempt to sign in as root with what the vault holds, then stop: it must be refused. The mailbox gets no more root mail; keep it receiving for 90 days.",
    needs: ["R10", "R11"],
    evidence: [{ kind: "aws-event", events: ["ConsoleLogin"] }, { kind: "attestation" }],
    applies: { custodies: PASSWORD_HERE },
    purposes: PURPOSES,
  },
  {
    ...HANDS,
    id: "R12b",
    title: "We can assume no role and no root session there",
    isWaivable: false,
    instruction: "sts assume-role into each role that was ours, and sts assume-root from our organization: AccessDenied, each.",
    needs: ["R10", "R11"],
    evidence: [{ kind: "attestation" }],
  },
  {
    ...HANDS,
    id: "R13",
    title: "What we held is destroyed",
    isWaivable: false,
    roles: ["custodian"],
    instruction:
      "Have two custodians destroy the account's keys; the certificate says from when on no backup can open them either. Remove and destroy the spare hardware keys.",
    needs: ["R12a", "R12b"],
    evidence: [{ kind: "destruction" }],
  },
  {
    ...HANDS,
    id: "R14",
    title: "Tickets closed, the customer has the final export",
    instruction:
      "Close the account's tickets. Export the account's log (rootkeep audit export --account) and hand it over with the certificate; name the SHA-256 of the bundle.",
    needs: ["R12a", "R12b"],
    evidence: [{ kind: "document" }],
  },
];

export const HANDBACK: StepList = {
  kind: "handback",
  title: "Handing an account back",
  states: ["releasing", "released"],
  steps: STEPS,
  milestones: [
    {
      steps: ["R0", "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10", "R11", "R12a", "R12b"],
      from: "releasing",
      to: "released",
    },
  ],
  noWayBack: ["R7", "R11"],
};
