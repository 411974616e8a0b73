import type { Custody, Step, StepList } from "./checklist.js";

/** Custodies in which we hold a root password. */
const PASSWORD_HERE: readonly Custody[] = ["VAULTED", "SPLIT", "CO_OWNED"];
/** Custodies in which the MFA device is ours. */
const MFA_HERE: readonly Custody[] = ["VAULTED", "CO_OWNED"];

const HANDS: Pick<Step, "who" | "roles" | "isWaivable"> = { who: "person", roles: ["requester", "custodian"], isWaivable: true };

/** O1 to O16: taking an account's root user over (domain file §6.2). The order matters: mail before password, password before MFA. */
const STEPS: readonly Step[] = [
  {
    id: "O1",
    title: "Account registered, contacts noted, not one that the vault itself depends on",
    who: "program",
    roles: ["requester", "custodian"],
    isWaivable: true,
    instruction:
      "Name the log entry by which the account was registered or imported: registration refuses the accounts that host the vault, its keys, its mail domain or its DNS (ROOTKEEP_REFUSED_ACCOUNTS).",
    needs: [],
    evidence: [{ kind: "entry", actions: ["account.import", "account.register"], mayBeEarlier: true }, { kind: "attestation" }],
  },
  {
    ...HANDS,
    id: "O2",
    title: "Audit before anything is changed",
    instruction:
      "With the read-only onboarding role read: iam get-account-summary, the credential report's <root_account> row, organizations describe-account, account get-alternate-contact (SECURITY, OPERATIONS, BILLING), cloudtrail describe-trails; and who else has administrator access. Write down what is there: keys, certificates, MFA devices, last use.",
    needs: ["O1"],
    evidence: [{ kind: "posture", items: [] }, { kind: "document" }, { kind: "attestation" }],
  },
  {
    ...HANDS,
    id: "O3",
    title: "Root e-mail address allocated, mailbox tried",
    instruction:
      "Allocate the account's own root address (at most 64 characters, random, never used before). Send a test message to it from outside and see it arrive in the root mailbox.",
    needs: ["O1"],
    evidence: [{ kind: "mail" }, { kind: "attestation" }],
  },
  {
    ...HANDS,
    id: "O4",
    title: "The customer begins the sitting",
    instruction:
      "Meet the customer in a supervised session (they sign in as root and share the screen), or, for a member of our organization, start the e-mail update by API. O6 to O9 are done in this one sitting. Name appointment or ticket.",
    needs: ["O2", "O3"],
    evidence: [{ kind: "attestation" }, { kind: "document" }],
  },
  {
    ...HANDS,
    id: "O5",
    title: "New password generated and sealed before it is used",
    instruction: "Have the vault stage a candidate for the root password: it is sealed, committed and read back before anybody sees it.",
    needs: ["O1"],
    evidence: [{ kind: "entry", actions: ["secret.staged"] }, { kind: "attestation" }],
    applies: { custodies: PASSWORD_HERE },
  },
  {
    ...HANDS,
    id: "O6",
    title: "Root e-mail changed to ours",
    instruction:
      "Console as root: account menu, Account, Account details, Edit, Email address: enter our address. The one-time code comes to our mailbox and is released under the purpose onboard-takeover. A member account: account start-primary-email-update, then accept-primary-email-update with the code. Propagation takes up to 4 hours.",
    needs: ["O3", "O4", "O5"],
    evidence: [{ kind: "aws-event", events: ["EmailUpdated", "AcceptPrimaryEmailUpdate"] }],
    applies: { custodies: PASSWORD_HERE },
    purposes: ["onboard-takeover"],
  },
  {
    ...HANDS,
    id: "O7",
    title: "Password changed to the staged one",
    instruction:
      "Console as root: account menu, Security credentials, Password, Update: old password from the customer, new one from the vault. Report to the vault: applied, not applied, or unknown. Until this is done the old owner still knows the password.",
    needs: ["O5", "O6"],
    evidence: [
      { kind: "rotation", of: "root-password" },
      { kind: "aws-event", events: ["ChangePassword", "PasswordUpdated", "PasswordRecoveryCompleted"] },
    ],
    applies: { custodies: PASSWORD_HERE },
    purposes: ["onboard-takeover"],
  },
  {
    ...HANDS,
    id: "O8",
    title: "New MFA device enrolled",
    instruction:
      "Console as root: Security credentials, Multi-factor authentication, Assign MFA device, Authenticator app: put the secret key into the vault, not into a telephone; enter two consecutive codes of the vault. Add a spare hardware key and lock it away.",
    needs: ["O7"],
    evidence: [
      { kind: "rotation", of: "mfa-seed" },
      { kind: "aws-event", events: ["EnableMFADevice"] },
    ],
    applies: { custodies: MFA_HERE },
    purposes: ["onboard-takeover"],
  },
  {
    ...HANDS,
    id: "O9",
    title: "Every old MFA device removed",
    instruction:
      "Console as root, signed in anew with the new device: Security credentials, Multi-factor authentication: remove each device that is not ours.",
    needs: ["O8"],
    evidence: [{ kind: "aws-event", events: ["DeactivateMFADevice"] }, { kind: "attestation" }],
    applies: { custodies: MFA_HERE },
    purposes: ["onboard-takeover"],
  },
  {
    ...HANDS,
    id: "O10",
    title: "No root access keys, no signing certificates",
    instruction:
      "Look at last use first and warn the customer. Console as root: Security credentials, Access keys: deactivate, delete; X.509 certificates: delete. An inactive key counts as a key. Deleting cannot be undone.",
    needs: ["O4"],
    evidence: [
      { kind: "posture", items: ["accessKeys", "signingCertificates"] },
      { kind: "aws-event", events: ["DeleteAccessKey", "DeleteSigningCertificate"] },
      { kind: "attestation" },
    ],
    purposes: ["onboard-takeover"],
  },
  {
    ...HANDS,
    id: "O11",
    title: "Primary phone number and alternate contacts are ours",
    instruction:
      "account put-contact-information: the number of the group line, answered by another group than the one that reads the root mailbox. account put-alternate-contact for SECURITY, OPERATIONS and BILLING.",
    needs: ["O4"],
    evidence: [{ kind: "aws-event", events: ["PutContactInformation", "PutAlternateContact"] }, { kind: "attestation" }],
  },
  {
    ...HANDS,
    id: "O12",
    title: "Fresh evidence that the root user is secured",
    instruction:
      "A new credential report (AWS makes one every 4 hours at most) and account summary: MFA on, no keys, no certificates, password changed since the sitting. Review CloudTrail since the sitting began for root actions that were not ours, and again after 12 hours: old console sessions may live so long.",
    needs: ["O6", "O7", "O8", "O9", "O10", "O11"],
    evidence: [{ kind: "posture", items: ["accessKeys", "signingCertificates", "mfa", "password", "state"] }, { kind: "attestation" }],
    freshHours: 7 * 24,
  },
  {
    who: "person",
    roles: ["requester"],
    isWaivable: false,
    id: "O13",
    title: "Another person signs in with what the vault holds",
    instruction:
      "Sign out everywhere. Somebody who took no part in O6 to O8 opens password and code here, signs in at the console as root, and signs out. Name the CloudTrail event ConsoleLogin (Success, MFAUsed Yes) and its time. Send a test message to the root mailbox: its ticket must come up.",
    needs: ["O12"],
    evidence: [{ kind: "aws-event", events: ["ConsoleLogin"] }],
    purposes: ["drill"],
    apartFrom: ["O6", "O7", "O8"],
  },
  {
    ...HANDS,
    id: "O14",
    title: "Guardrails and alarms in place",
    instruction:
      "Roll out the sign-in policy or SCP for root, EventBridge forwarding from us-east-1, us-east-2 and us-west-2, and the GuardDuty route for Policy:IAMUser/RootCredentialUsage; send a synthetic event through. Name the document that lists the rule ARNs.",
    needs: ["O12"],
    evidence: [{ kind: "document" }, { kind: "attestation" }],
  },
  {
    ...HANDS,
    id: "O15",
    title: "Removing the root credentials altogether was offered",
    instruction:
      "A member account needs no root password: offer the customer to remove it (purpose root-credentials-remove), which makes the custody CENTRAL. Name the answer.",
    needs: ["O13"],
    evidence: [{ kind: "document" }, { kind: "attestation" }],
    applies: { kinds: ["member"], custodies: PASSWORD_HERE },
  },
  {
    ...HANDS,
    id: "O16",
    title: "The customer has a receipt",
    instruction: "Send the customer who holds what, who may use it, and how to get it back. Name the acknowledgement.",
    needs: ["O13"],
    evidence: [{ kind: "document" }, { kind: "mail" }, { kind: "attestation" }],
  },
];

export const ONBOARDING: StepList = {
  kind: "onboarding",
  title: "Taking an account over",
  states: ["assuming", "secured", "active"],
  steps: STEPS,
  milestones: [
    {
      steps: ["O1", "O2", "O3", "O4", "O5", "O6", "O7", "O8", "O9", "O10", "O11", "O12"],
      from: "assuming",
      to: "secured",
    },
    { steps: ["O13"], from: "secured", to: "active" },
  ],
  noWayBack: [],
};
