// The adapter of customers' accounts as tests use it: the real one, over an emulator, with reports that are waited for without waiting.
import type { AwsAccountSession } from "../../src/aws/aws-account.port.js";
import { AwsAccountsAdapter } from "../../src/aws/aws-accounts.adapter.js";

export const VAULT_KEYS = { accessKeyId: "testing", secretAccessKey: "testing" };
export const EXTERNAL_ID = "5b1c1f0e-1111-4000-8000-000000000001";

/** An adapter over the emulator at `endpoint`. */
export function emulatedAccounts(endpoint: string): AwsAccountsAdapter {
  return new AwsAccountsAdapter({
    role: "RootkeepPosture",
    sessionName: "rootkeep-test",
    endpoint,
    credentials: VAULT_KEYS,
    reportWait: { forMs: 10_000, firstPauseMs: 1_000, pause: () => Promise.resolve() },
  });
}

/** A session in `awsId`. */
export async function signInTo(
  accounts: AwsAccountsAdapter,
  awsId: string,
  externalId = EXTERNAL_ID,
  signal: AbortSignal = new AbortController().signal,
): Promise<AwsAccountSession> {
  return await accounts.signIn({ partition: "aws", awsId, externalId }, signal);
}
