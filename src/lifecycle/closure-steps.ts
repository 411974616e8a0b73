import type { Step, StepList } from "./checklist.js";

const HANDS: Pick<Step, "who" | "roles"> = { who: "person", roles: ["requester", "custodian"] };

/** C1 to C8: closing an account on the customer's order, and the 90 days after it (domain file §6.6). */
const STEPS: readonly Step[] = [
  {
    ...HANDS,
    id: "C1",
    title: "What goes on costing is ended",
    isWaivable: true,
    instruction:
      "Cancel AWS Marketplace subscriptions; list Reserved Instances and Savings Plans, which keep billing after the closure, and tell the customer. One last bill follows.",
    needs: [],
    evidence: [{ kind: "attestation" }, { kind: "document" }],
  },
  {
    ...HANDS,
    id: "C2",
    title: "Nothing depends on the account",
    isWaivable: true,
    instruction:
      "No domain, DNS zone, key or mailbox that anybody's root address needs is in the account: closing suspends Route 53, and after 30 days its domains are gone. Unmanage it in AWS Control Tower. A linked GovCloud account is closed with it. Trails go on delivering unless they are deleted.",
    needs: [],
    evidence: [{ kind: "attestation" }],
  },
  {
    ...HANDS,
    id: "C3",
    title: "Root e-mail and alias are free, if they are wanted again",
    isWaivable: true,
    instruction:
      "The address of a closed account can never be used for another: change it first if it must be. Delete the account alias if it is wanted again.",
    needs: [],
    evidence: [{ kind: "attestation" }, { kind: "aws-event", events: ["EmailUpdated", "AcceptPrimaryEmailUpdate"] }],
  },
  {
    ...HANDS,
    id: "C4",
    title: "The account is closed at AWS",
    isWaivable: false,
    instruction:
      "A member: organizations close-account from the management account (at most 20 % of the members in 30 days). Any other: console as root under the purpose account-close, account menu, Account, Close account. A management account only when all its members show CLOSED.",
    needs: ["C1", "C2", "C3"],
    evidence: [{ kind: "aws-event", events: ["CloseAccount", "ConsoleLogin"] }, { kind: "attestation" }],
    purposes: ["account-close", "account-close-management"],
  },
  {
    ...HANDS,
    id: "C5",
    title: "AWS says that it is closed",
    isWaivable: false,
    instruction:
      "organizations describe-account shows the State CLOSED or SUSPENDED, or CloudTrail has CloseAccountResult with SUCCEEDED; for a standalone account the message to the root address that the account was closed.",
    needs: ["C4"],
    evidence: [{ kind: "mail" }, { kind: "aws-event", events: ["CloseAccountResult"] }, { kind: "attestation" }],
  },
  {
    ...HANDS,
    id: "C6",
    title: "The last bill is settled",
    isWaivable: true,
    instruction: "The bill of the last month is there and paid. Until then the account cannot be reopened by oneself.",
    needs: ["C5"],
    evidence: [{ kind: "attestation" }, { kind: "document" }],
    purposes: ["billing-root-only", "tax-invoice-view"],
  },
  {
    ...HANDS,
    id: "C7",
    title: "AWS lists the account no more",
    isWaivable: false,
    instruction:
      "When the 90 days are over: organizations list-accounts no longer has it; for a standalone account signing in as root is refused. One attempt is enough.",
    needs: ["C5"],
    evidence: [{ kind: "attestation" }],
    freshHours: 7 * 24,
  },
];

export const CLOSURE: StepList = {
  kind: "closure",
  title: "Closing an account",
  states: ["closing", "closed"],
  steps: STEPS,
  milestones: [
    { steps: ["C4", "C5"], from: "closing", to: "closed" },
    { steps: ["C7"], from: "closed", to: "sealed_final", byDecision: true },
  ],
  noWayBack: ["C4"],
};
