import type { Id } from "../kernel/ids.js";
import type { Role } from "../kernel/operations.js";

/** What a notice is about, in constant words: nobody's text ever stands in a message. `isPage`: somebody is to look at once. */
interface TopicRow {
  readonly subject: string;
  readonly says: string;
  readonly isPage: boolean;
}

const topic = (subject: string, says: string, isPage = false): TopicRow => Object.freeze({ subject, says, isPage });

/** The closed list of topics. */
export const TOPICS = {
  "request.submitted": topic("a request waits for an approval", "Somebody asks for this; you may be one of those who decide."),
  "request.approved": topic("your request was approved", "Enough people have approved."),
  "request.denied": topic("your request was denied", "One denial ends a request. Its reason stands with the request."),
  "request.withdrawn": topic("a request was withdrawn", "Whoever asked has taken it back; there is nothing left to decide."),
  "request.expired": topic("your request ran out", "Nobody decided in time."),
  "person.enrolled": topic("somebody is being enrolled", "Two custodians have decided to enrol this person."),
  "person.confirmed": topic("an authenticator was set up", "This person has set up password and authenticator with an invitation."),
  "person.reset": topic(
    "authenticators were reset",
    "Two custodians have ended everything this person signs in with; sessions and grants ended too.",
  ),
  "person.suspended": topic("somebody was suspended", "A custodian has suspended this person; sessions ended."),
  "person.restored": topic("somebody was restored", "Two custodians have restored this person."),
  "person.left": topic(
    "somebody has left",
    "Two custodians have said that this person has left for good; what they had has ended, and nothing brings it back.",
  ),
  "person.linking": topic(
    "an identity is being linked",
    "Two custodians have decided that this person may link an identity at the provider of the company.",
  ),
  "person.linked": topic(
    "an identity was linked",
    "This person signs in with a new identity at the provider of the company from now on; sessions and grants ended.",
  ),
  "allowlist.due": topic(
    "entries of the allowlist lapse soon",
    "They give no rights from then on, unless two custodians certify the allowlist: rootkeep people report, rootkeep people certify.",
  ),
  "allowlist.ending": topic(
    "entries of the allowlist end soon",
    "They come to their last day, and no certificate prolongs them. Where they are still needed, ask for new ones: rootkeep people allow.",
  ),
  "rotation.due": topic(
    "values are to be rotated",
    "A person has seen them, somebody who saw them has left, they may be known, they are old, or a candidate is not settled: rootkeep rotate due.",
  ),
  "glass.granted": topic("break-glass was granted", "An emergency opening with fewer approvers was approved.", true),
  "glass.opening": topic("break-glass is being opened", "Root credentials are about to be shown under break-glass.", true),
  "glass.reviewed": topic("break-glass was reviewed", "Somebody who took no part has closed the review."),
  "brake.engaged": topic(
    "the exfiltration brake holds",
    "Too many openings in a short time; more are refused. Find out who it is, and why.",
    true,
  ),
  "custodians.recovering": topic(
    "custodians are about to be recovered",
    "The escrow quorum has proven itself, and the operator is about to name new custodians with it. If nobody told you of it, have the service stopped.",
    true,
  ),
  "custodians.recovered": topic(
    "the custodians were recovered",
    "The escrow quorum has named new custodians; those before are suspended and all sessions, requests and grants end. If nobody told you of it, stop the service.",
    true,
  ),
  "posture.changed": topic(
    "the root of an account has changed",
    "A root access key or a signing certificate has appeared, MFA is off, or AWS says another state of the account: rootkeep posture show.",
    true,
  ),
  alarm: topic("an alarm", "The service has noticed what somebody must look at now.", true),
} as const satisfies Record<string, TopicRow>;
export type Topic = keyof typeof TOPICS;

/** Names of the facts that a message may hold. */
export const FACT_NAMES = [
  "request",
  "operation",
  "purpose",
  "account",
  "aws account",
  "asked by",
  "decided by",
  "person",
  "grant",
  "until",
  "entry",
  "entries",
  "days",
  "event",
  "row",
  "seq",
  "code",
] as const;
export type FactName = (typeof FACT_NAMES)[number];
export type Facts = Readonly<Partial<Record<FactName, string>>>;

/** One person, or everybody who has a role (over an account) when the message is sent, but for some. */
export type AudienceMember =
  | { readonly person: Id<"person"> }
  | { readonly role: Role; readonly account: Id<"account"> | null; readonly except: readonly Id<"person">[] };

/** Everybody who has `role`. */
export function everyone(role: Role, except: readonly Id<"person">[] = []): AudienceMember {
  return { role, account: null, except };
}

/** Something that people are to be told. Ids and constants only; what they may know more they read here, signed in. */
export interface Notice {
  readonly topic: Topic;
  readonly facts: Facts;
  readonly audience: readonly AudienceMember[];
  /** True where the rooms have heard already: it goes to people alone. */
  readonly areRoomsTold?: boolean;
}

/** True if `value` is a topic of the list. */
export function isTopic(value: unknown): value is Topic {
  return typeof value === "string" && Object.hasOwn(TOPICS, value);
}
