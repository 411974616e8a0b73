/** Rules of the circle: what, kept here, would lock our keys into our own safe (design §4). Constants, never a value. */
export const CIRCLE_RULES = {
  account: "The account hosts this vault, its keys or its mail: refuse the circle",
  mail: "The address is at a mail domain that is hosted inside an AWS account: whoever loses the account loses the mail that would give it back",
} as const;

/**
 * Domains whose mail is received inside somebody's AWS account by nature: WorkMail's own, and names of machines. A domain of one's own says nothing
 * about where its mail is; that an operator knows, and lists the accounts (`ROOTKEEP_REFUSED_ACCOUNTS`; decision 0031).
 */
const HOSTED = /@(?:[^@]*\.)?(?:awsapps\.com|amazonaws\.com|amazonaws\.com\.cn|on\.aws)$/i;

/** The rule of the circle that an account breaks, and by which of its facts; null where nothing is known against it. */
export function circleFault(
  account: { readonly awsId: string; readonly rootEmail: string | null },
  refusedAccounts: readonly string[],
): { readonly fact: "awsId" | "rootEmail"; readonly rule: string } | null {
  if (refusedAccounts.includes(account.awsId)) return { fact: "awsId", rule: CIRCLE_RULES.account };
  if (account.rootEmail !== null && HOSTED.test(account.rootEmail)) return { fact: "rootEmail", rule: CIRCLE_RULES.mail };
  return null;
}
