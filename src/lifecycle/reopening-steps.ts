import type { Step, StepList } from "./checklist.js";

const HANDS: Pick<Step, "who" | "roles" | "isWaivable"> = { who: "person", roles: ["requester", "custodian"], isWaivable: false };

/** P1 to P3: reopening a closed account within the 90 days (domain file §6.1, §6.6). */
const STEPS: readonly Step[] = [
  {
    ...HANDS,
    id: "P1",
    title: "The account is reopened at AWS",
    instruction:
      "Console as root under the purpose account-reopen: sign in, Reopen account; there must be no open balance. A member: the management account asks AWS Support.",
    needs: [],
    evidence: [{ kind: "aws-event", events: ["ConsoleLogin"] }, { kind: "attestation" }],
    purposes: ["account-reopen"],
  },
  {
    ...HANDS,
    id: "P2",
    title: "AWS says that it is active",
    instruction: "organizations describe-account shows the State ACTIVE; for a standalone account root signs in and the services answer.",
    needs: ["P1"],
    evidence: [{ kind: "posture", items: ["state"] }, { kind: "mail" }, { kind: "attestation" }],
  },
  {
    ...HANDS,
    id: "P3",
    title: "The password is rotated at once",
    instruction: "Rotate the root password; whoever reopened the account has seen it.",
    needs: ["P2"],
    evidence: [
      { kind: "rotation", of: "root-password" },
      { kind: "aws-event", events: ["ChangePassword", "PasswordUpdated", "PasswordRecoveryCompleted"] },
    ],
    applies: { custodies: ["VAULTED", "SPLIT", "CO_OWNED"] },
    purposes: ["account-password-change", "rotate-after-use"],
  },
];

export const REOPENING: StepList = {
  kind: "reopening",
  title: "Reopening an account",
  states: ["reopening"],
  steps: STEPS,
  milestones: [{ steps: ["P1", "P2", "P3"], from: "reopening", to: "active" }],
  noWayBack: [],
};
