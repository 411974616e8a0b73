// Forgeries that only the whole application can answer: sealed bytes, data keys, records of calls, and what nobody asks about.
import type { ErrorCode } from "../../../src/kernel/errors.js";
import type { DatabaseOwner } from "../../support/database-owner.js";
import type { Heard } from "./forgery.js";

/** One line of the table. */
export interface WireForgery {
  readonly id: `F${number}`;
  readonly name: string;
  readonly answer: ErrorCode;
  readonly heard: Heard;
}

/** Of something sealed, and made with the password of the first of two accounts. */
export interface SealForgery extends WireForgery {
  make(owner: DatabaseOwner, one: string, other: string): Promise<unknown>;
}

const password = (account: string): string =>
  `(SELECT v.id FROM secrets.secret_version v JOIN secrets.secret s ON s.id = v.secret_id WHERE s.account_id = '${account}' AND s.kind = 'root-password')`;
const dataKey = (account: string): string => `(SELECT data_key_id FROM secrets.secret_version WHERE id = ${password(account)})`;

function exchange(table: string, key: string, column: string, one: string, other: string): string {
  return `UPDATE ${table} t SET ${column} = o.${column} FROM ${table} o
    WHERE (t.${key} = ${one} AND o.${key} = ${other}) OR (t.${key} = ${other} AND o.${key} = ${one})`;
}

const broken = { answer: "SEAL_BROKEN", heard: "at use" } as const;

export const ON_SEALS: readonly SealForgery[] = [
  {
    id: "F82",
    name: "the sealed values of two accounts are exchanged",
    make: (owner, one, other) => owner.run(exchange("secrets.sealed_value", "version_id", "sealed", password(one), password(other))),
    ...broken,
  },
  {
    id: "F83",
    name: "the wrapped data keys of two accounts are exchanged",
    make: (owner, one, other) => owner.run(exchange("keys.data_key", "id", "wrapped", dataKey(one), dataKey(other))),
    ...broken,
  },
  {
    id: "F84",
    name: "a data key is of a domain that there is not",
    make: (owner, one) => owner.run(`UPDATE keys.data_key SET domain = 'none' WHERE id = ${dataKey(one)}`),
    ...broken,
  },
];

export const ON_CALLS = {
  forgotten: {
    id: "F85",
    name: "the record of an opening is deleted, and the call comes again",
    answer: "GRANT_SPENT",
    heard: "by nobody",
  },
  invented: {
    id: "F86",
    name: "the record of a call that was never made, copied from one that was",
    answer: "ALREADY_EXISTS",
    heard: "by nobody",
  },
} as const satisfies Record<string, WireForgery>;

export const ON_STARTS = {
  missing: {
    id: "F87",
    name: "an approval is deleted while the service is down, and nobody asks",
    answer: "APPROVAL_REQUIRED",
    heard: "by the watch",
  },
} as const satisfies Record<string, WireForgery>;

/** All of them, for the table. */
export const ON_THE_WIRE: readonly WireForgery[] = [...ON_SEALS, ...Object.values(ON_CALLS), ...Object.values(ON_STARTS)];
