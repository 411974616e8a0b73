import { createHash } from "node:crypto";
import { type FieldError, RootkeepError } from "../kernel/errors.js";

const FORMAT = "rootkeep-escrow-share/1";
/** 32 bytes of the identity's share, and the point that it belongs to. */
const SHARE_BYTES = 33;
const CHECKSUM_HEX = 16;
/** Most holders: Shamir's scheme over GF(2^8) has 255 points. */
export const SHARES_MAX = 255;
/** More than a share can ever have. */
const TEXT_MAX = 1_000;

const FORM = new RegExp(
  `^${FORMAT} recipient: (?<recipient>age1[02-9ac-hj-np-z]{58}) set: (?<set>[0-9a-f]{16}) share: (?<index>[1-9]\\d{0,2}) of ` +
    "(?<shares>[1-9]\\d{0,2}) threshold: (?<threshold>[1-9]\\d{0,2}) data: (?<data>[A-Za-z0-9+/]{44}) checksum: (?<checksum>[0-9a-f]{16})$",
);

/** One holder's part of the escrow identity (docs/spec/escrow.md). `bytes` are as secret as the identity is for M - 1 thieves. */
export interface EscrowShare {
  readonly recipient: string;
  /** Which splitting it is of: shares of two splittings never combine. */
  readonly set: string;
  /** Counts from 1. */
  readonly index: number;
  readonly shares: number;
  readonly threshold: number;
  /** 33 bytes: y0 … y31 and x, as the library of Shamir's scheme gives them. The holder of this object wipes them. */
  readonly bytes: Uint8Array;
}

/** The share as its holder keeps it [ES-3]. */
export function formatShare({ recipient, set, index, shares, threshold, bytes }: EscrowShare): string {
  const data = Buffer.from(bytes).toString("base64");
  const body = `${FORMAT}\nrecipient: ${recipient}\nset: ${set}\nshare: ${index} of ${shares}\nthreshold: ${threshold}\ndata: ${data}\n`;
  return `${body}checksum: ${checksumOf(body)}\n`;
}

/**
 * The share that `text` states [ES-3] [ES-4]. Any white space stands for any other, so that a share that was printed, copied or pasted in
 * one line is still one; nothing else is forgiven.
 * @param name what the error calls it; never the text itself.
 * @throws RootkeepError `MALFORMED`
 */
export function parseShare(text: string, name: string): EscrowShare {
  const refuse = (rule: string): RootkeepError => shareError({ field: name, rule });
  const words = text.length > TEXT_MAX ? "" : text.trim().replaceAll(/\s+/g, " ");
  if (!words.startsWith(`${FORMAT} `)) throw refuse("is no share of an escrow identity");
  const { recipient = "", set = "", index, shares, threshold, data = "", checksum = "" } = FORM.exec(words)?.groups ?? {};
  if (data === "") throw refuse("is damaged: a line does not have its form");
  const share: EscrowShare = {
    recipient,
    set,
    index: Number(index),
    shares: Number(shares),
    threshold: Number(threshold),
    bytes: Uint8Array.from(Buffer.from(data, "base64")),
  };
  if (!formatShare(share).endsWith(`checksum: ${checksum}\n`)) throw refuse("is damaged: its checksum does not hold");
  if (!isPossible(share)) throw refuse("is damaged: its numbers do not fit together");
  return share;
}

function isPossible({ index, shares, threshold, bytes }: EscrowShare): boolean {
  const isWhole = bytes.length === SHARE_BYTES && bytes.at(-1) !== 0;
  return isWhole && threshold >= 2 && threshold <= shares && index <= shares && shares <= SHARES_MAX;
}

/** An error about shares: field and rule, nothing of what a share holds. */
export function shareError(...fields: FieldError[]): RootkeepError {
  return new RootkeepError("MALFORMED", { fields });
}

/** Against slips of the pen and of the scanner, not against people: whoever changes a share can make its checksum. */
function checksumOf(body: string): string {
  return createHash("sha256").update(body, "utf8").digest("hex").slice(0, CHECKSUM_HEX);
}
