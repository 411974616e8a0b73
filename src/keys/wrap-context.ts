import { encodeFields } from "../kernel/encoding.js";
import { type DataKeyRow, NO_ACCOUNT } from "./domain.js";

/**
 * What a wrapped data key is bound to (design §4). AWS KMS takes it as the encryption context, where CloudTrail shows it in clear: so
 * ids only, never a name or an e-mail address. Built from the row that is being opened, so that a swapped row fails closed.
 */
export interface WrapContext {
  readonly app: "rootkeep";
  readonly deployment: string;
  /** Our account id, or `-` for a key of the whole deployment. */
  readonly accountId: string;
  /** AWS's 12 digits, or `-`. */
  readonly awsAccountId: string;
  readonly dataKeyId: string;
  readonly domain: string;
}

/** The context of `row` in `deployment`. */
export function wrapContextOf(deployment: string, row: Pick<DataKeyRow, "id" | "accountId" | "awsAccountId" | "domain">): WrapContext {
  return {
    app: "rootkeep",
    deployment,
    accountId: row.accountId ?? NO_ACCOUNT,
    awsAccountId: row.awsAccountId ?? NO_ACCOUNT,
    dataKeyId: row.id,
    domain: row.domain,
  };
}

/**
 * [RW-5] The context as associated data for root keys that have no context of their own. Injective and in fixed order: an emulator that
 * simply joins names and values lets `{accountId: "1", …}` pass for `{accountId1: "", …}`.
 */
export function contextBytes(format: string, rootKeyId: string, context: WrapContext): Buffer {
  return encodeFields([
    format,
    rootKeyId,
    context.app,
    context.deployment,
    context.accountId,
    context.awsAccountId,
    context.dataKeyId,
    context.domain,
  ]);
}
