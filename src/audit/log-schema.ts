import type { AuditExpectation, RoleExpectation } from "../database/safety.js";
import { LOG_SHAPE } from "./log-shape.js";

/**
 * What schema `audit` looks like in this build; the service does not start over another. The MD5s are of the functions' sources, as
 * `md5(prosrc)`; a test compares them with a migrated database and prints the new ones after a migration changed a function.
 */
export const LOG_SCHEMA: AuditExpectation = {
  tables: {
    head: ["no_removal", "no_truncate"],
    entry: ["no_mutation", "no_truncate"],
    stream_head: ["no_removal", "no_truncate"],
    disclosure: [],
    tile: ["no_mutation", "no_truncate"],
    checkpoint: ["no_mutation", "no_truncate"],
    cosignature: ["no_mutation", "no_truncate"],
    // Without a column or a row: there to be locked.
    append_turn: [],
    signer_turn: [],
    stream_file_turn: [],
    stream_syslog_turn: [],
    stream_webhook_turn: [],
  },
  functions: {
    "append(bigint, uuid[], bytea[], bytea[])": "f9df6f041b1b80ec8564025e338b72d2",
    "begin(text)": "e6544fa0fadb1203a5612e2b91fd79ee",
    "deny()": "0e666fabb954d8258d3b4ab2877dd0f9",
    "disclose(bigint[], text[], bytea[], text[])": "5fb78c569bdd9fad63d748f497c42d5d",
    "erase(bigint)": "909b19eed771fab2245b3f801e6cb1a3",
    "lock_head()": "6464d197e52ccdb4365d1d7a41101c1a",
    "time_now()": "9c20498cfbbd058376a04fd7750ec282",
  },
  invokers: ["deny()", "time_now()"],
  settings: { "append(bigint, uuid[], bytea[], bytea[])": ["enable_seqscan=off"] },
  shape: LOG_SHAPE,
};

/** The service appends through functions; it writes no table of the log, and so no checkpoint. What it may lock holds nothing. */
export const SERVICE_ON_LOG: RoleExpectation = {
  who: "the service's role",
  privileges: ["stream_file_turn:UPDATE", "stream_syslog_turn:UPDATE", "stream_webhook_turn:UPDATE"],
  mayWriteElsewhere: true,
  calls: [
    "append(bigint, uuid[], bytea[], bytea[])",
    "begin(text)",
    "disclose(bigint[], text[], bytea[], text[])",
    "erase(bigint)",
    "lock_head()",
  ],
};

/** The signer writes what it has computed and signed; it can call none of the functions, and so appends no entry. */
export const SIGNER_ON_LOG: RoleExpectation = {
  who: "the signer's role",
  privileges: ["checkpoint:INSERT", "cosignature:INSERT", "tile:INSERT", "signer_turn:UPDATE"],
  calls: [],
  mayWriteElsewhere: false,
};
