import { timingSafeEqual } from "node:crypto";
import { encodeFields } from "../kernel/encoding.js";
import type { RecordsKey } from "../keys/records.js";

/** What an entry says when it approves a trusted configuration. */
export interface ConfigApproval {
  /** Lower-case hex SHA-256 of the configuration. */
  readonly configDigest: string;
  /** Lower-case hex HMAC by the `records` key over event id and digest. */
  readonly configMac: string;
}

/**
 * The approval of `digest` by the entry `eventId`. Until the log is signed, whoever owns the database can append a well-formed entry of
 * their own; what they cannot make is this HMAC, and bound to the event id it cannot be used a second time.
 */
export function configApproval(records: RecordsKey, eventId: string, digest: string): ConfigApproval {
  return { configDigest: digest, configMac: macOf(records, eventId, digest).toString("hex") };
}

/** The digest that `details` of the entry `eventId` approve; null where they approve none, or not by us. */
export function approvedDigest(records: RecordsKey, eventId: string, details: Readonly<Record<string, unknown>>): string | null {
  const { configDigest, configMac } = details;
  if (typeof configDigest !== "string" || typeof configMac !== "string") return null;
  const [expected, actual] = [macOf(records, eventId, configDigest), Buffer.from(configMac, "hex")];
  return actual.length === expected.length && timingSafeEqual(actual, expected) ? configDigest : null;
}

function macOf(records: RecordsKey, eventId: string, digest: string): Buffer {
  return records.mac(encodeFields(["rk-config-approval-1", eventId, digest]));
}
