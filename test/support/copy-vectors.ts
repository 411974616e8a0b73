import { createHash } from "node:crypto";
import { Secret } from "../../src/kernel/secret.js";
import type { Domain } from "../../src/keys/domain.js";
import { RecordsKey } from "../../src/keys/records.js";
import { type SealedCopy, sealedCopyBytes, sealedCopyName } from "../../src/secrets/sealed-copy.js";
import { buildVectors, type Vector } from "./sealed-vectors.js";

/** One case of test/conformance/vectors/second-store.json. */
export interface CopyVector {
  readonly name: string;
  /** Where it lies; null for what has no such place. */
  readonly place: string | null;
  /** The object's bytes, UTF-8. */
  readonly object: string;
  /** Whether the deployment takes it for its own. */
  readonly isOwn: boolean;
  /** In hex; null where a reader with the root key refuses. */
  readonly plaintext: string | null;
}

export interface CopyVectors {
  readonly format: "rootkeep-vectors/second-store/1";
  readonly rootKey: object;
  /** The data key that the records key is derived from, in hex. */
  readonly recordsDataKey: string;
  readonly cases: readonly CopyVector[];
}

const RECORDS = createHash("sha256").update("rootkeep vector: records data key").digest();

/** The records key of the vectors' deployment. */
export const vectorMarks = RecordsKey.derive(Secret.of(Buffer.from(RECORDS)));

/** What a version of the sealed values' vectors looks like in the store. */
export function copyOfVector({ deployment, data_key, value }: Vector): SealedCopy {
  return {
    deployment,
    account: { id: value.account_id, awsId: value.aws_account_id, partition: "aws" },
    secret: { id: value.secret_id, kind: value.kind },
    version: { id: value.version_id, number: value.version },
    dataKey: {
      id: data_key.id,
      domain: data_key.domain as Domain,
      version: 1,
      rootKey: "file:",
      wrapped: Buffer.from(data_key.wrapped, "hex"),
    },
    escrow: null,
    sealed: Buffer.from(value.sealed, "hex"),
  };
}

/** The vectors, made anew; the file is the checked-in result. */
export function buildCopyVectors(): CopyVectors {
  const { rootKey, cases } = buildVectors();
  const named = (name: string): Vector => {
    const found = cases.find((vector) => vector.name === name);
    if (found === undefined) throw new Error("no such vector");
    return found;
  };
  const password = named("a password");
  const seed = named("an MFA seed that ends in the mark and zeros");
  const own = (name: string, copy: SealedCopy, plaintext: string | null): CopyVector => {
    const bytes = sealedCopyBytes(copy, vectorMarks);
    return { name, place: sealedCopyName(copy, bytes), object: bytes.toString("utf8"), isOwn: true, plaintext };
  };
  const first = copyOfVector(password);
  const escrowed = { ...first, escrow: { recipient: `age1${"q".repeat(58)}`, wrapped: RECORDS } };
  const good = [
    own("a password", first, password.plaintext),
    own("a seed", copyOfVector(seed), seed.plaintext),
    own("a password whose data key has a wrap to the quorum", escrowed, password.plaintext),
  ];
  const object = good[0]?.object ?? "";
  const changed = (name: string, text: string, plaintext: string | null): CopyVector => ({
    name,
    place: null,
    object: text,
    isOwn: false,
    plaintext,
  });
  return {
    format: "rootkeep-vectors/second-store/1",
    rootKey,
    recordsDataKey: RECORDS.toString("hex"),
    cases: [
      ...good,
      changed(
        "another mark",
        object.replace(/"mac":"(.)/, (_, digit: string) => `"mac":"${digit === "0" ? "1" : "0"}`),
        password.plaintext,
      ),
      changed("another partition", object.replace('"partition":"aws"', '"partition":"aws-cn"'), password.plaintext),
      changed("another account", object.replace('"id":"acc_0', '"id":"acc_1'), null),
      changed("another version's number", object.replace('"number":3', '"number":4'), null),
      changed("another deployment", object.replace('"deployment":"vectors"', '"deployment":"vector"'), null),
      changed("a member more", object.replace('"deployment"', '"customer":"Acme","deployment"'), null),
      changed("a member more within", object.replace('"partition":"aws"', '"name":"x","partition":"aws"'), null),
      changed("a member less", object.replace(/"mac":"[0-9a-f]+",/, ""), null),
      changed("a blank", object.replace('"deployment":', '"deployment": '), null),
      changed("a line feed at its end", `${object}\n`, null),
      changed("another format", object.replace("rootkeep-sealed-copy/1", "rootkeep-sealed-copy/2"), null),
      changed("the seed's bytes under the password's facts", object.replace(base64Of(object), base64Of(good[1]?.object ?? "")), null),
    ],
  };
}

function base64Of(object: string): string {
  return /"sealed":"([^"]+)"/.exec(object)?.[1] ?? "none";
}
