// The rules of the reference model, as switches: each is true in the model that is right. A model in which one is false is a mutant, and the
// search must find the history that it goes wrong in.
export const RIGHT = {
  /** Whoever asks does not approve. */
  requesterIsNoApprover: true,
  /** Whoever is to open something does not approve. */
  holderIsNoApprover: true,
  /** One person decides once, and is counted once. */
  countsPeople: true,
  /** Approvers need the role, over this account. */
  approversAreAllowed: true,
  /** The standing of those who approved is looked at again when it is opened. */
  approversStandAtUse: true,
  /** What somebody approved before they were suspended, struck off or reset does not come back with them. */
  comebackStartsAnew: true,
  /** So with what they asked for and hold. */
  holderStartsAnew: true,
  /** Suspending, striking off and resetting end the grants that somebody holds. */
  leaversLoseGrants: true,
  /** The holder's role over the account is looked at again at use. */
  holderStandsAtUse: true,
  /** The holder's session must live. */
  sessionCounts: true,
  /** Nobody opens what is another's to open. */
  halvesApart: true,
  /** A policy that became stricter counts for what was asked for before. */
  tightenedCounts: true,
  /** A policy that became laxer does not loosen what was asked for before. */
  loosenedDoesNot: true,
  /** Break-glass takes one approver fewer, but never none. */
  glassNeverNone: true,
  /** Break-glass waits for a page that somebody accepted. */
  glassIsPaged: true,
  /** An account's next break-glass waits for the review of its last. */
  glassIsReviewed: true,
  /** A grant is over in the very second in which it ends. */
  endIsOver: true,
  /** A request that was denied, withdrawn or ran out is over. */
  overIsOver: true,
  /** An opening that failed has spent the grant and burnt the password. */
  failureSpends: true,
  /** A password is opened once under a grant. */
  opensOnce: true,
  /** Codes end with the number that was granted. */
  codesAreCounted: true,
  /** A code's time step is given once, to anybody. */
  stepsRise: true,
  /** One check-out for each account. */
  checkOutIsExclusive: true,
  /** A burnt password is opened to heal it alone. */
  burntWaits: true,
  /** Whoever has seen the password gets no code where the policy splits them. */
  splitRemembers: true,
  /** Teams as they were when somebody approved: moving them afterwards makes no other team. */
  movedTeamsDoNotCount: true,
  /** A new authenticator waits. */
  authenticatorWaits: true,
  /** So many openings and no more in any window. */
  brakeHolds: true,
  /** Nothing is opened while nobody signs the log. */
  unsignedOpensNothing: true,
  /** Nothing is opened while clocks differ. */
  skewOpensNothing: true,
};

export type Rules = Readonly<typeof RIGHT>;
export type RuleName = keyof Rules;

/** The model without one of its rules. */
export function without(rule: RuleName): Rules {
  return { ...RIGHT, [rule]: false };
}
