import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cosignNote, formatNote, type NoteSignature, signNote } from "../../../src/audit/tlog/note.js";
import { isQuorum, openWitnessed, parsePolicy } from "../../../src/audit/tlog/policy.js";
import { TlogError } from "../../../src/audit/tlog/tlog-error.js";
import { emptyRoot } from "../../../src/audit/tlog/tree.js";
import { formatVerifierKey, newVerifierKey } from "../../../src/audit/tlog/verifier-key.js";
import { type NoteSigner, noteSigner } from "../../support/tlog-keys.js";

const LOG = noteSigner("log.example/1", "ed25519", Buffer.alloc(32, 100));
const WITNESSES = ["X1", "X2", "X3", "Y1", "Y2", "Y3"].map((name, index) => ({
  name,
  signer: noteSigner(`${name.toLowerCase()}.example`, "cosignature", Buffer.alloc(32, index)),
}));
const vkeyOf = ({ key }: NoteSigner): string => formatVerifierKey(key);
const LOG_LINE = `log ${vkeyOf(LOG)}`;
const WITNESS_LINES = WITNESSES.map(({ name, signer }) => `witness ${name} ${vkeyOf(signer)}`);
const GROUP_LINES = ["group X-witnesses 2 X1 X2 X3", "group Y-witnesses any Y1 Y2 Y3", "group X-and-Y all X-witnesses Y-witnesses"];
const policyOf = (...lines: string[]): ReturnType<typeof parsePolicy> => parsePolicy(Buffer.from(`${lines.join("\n")}\n`, "utf8"));
const nested = (quorum: string): ReturnType<typeof parsePolicy> => policyOf(LOG_LINE, ...WITNESS_LINES, ...GROUP_LINES, `quorum ${quorum}`);

describe("a quorum", () => {
  const cases: readonly (readonly [quorum: string, names: string, isMet: boolean])[] = [
    ["X-and-Y", "X1 X2 Y1", true],
    ["X-and-Y", "X1 X3 Y2 Y3", true],
    ["X-and-Y", "X1 Y1 Y2 Y3", false],
    ["X-and-Y", "X1 X2 X3", false],
    ["X-and-Y", "", false],
    ["X-witnesses", "X2 X3", true],
    ["X-witnesses", "X2", false],
    ["Y-witnesses", "Y3", true],
    ["Y1", "Y1", true],
    ["Y1", "Y2 Y3 X1 X2 X3", false],
    ["none", "", true],
    // Names that are no witnesses' count for nothing, not even when they are those of groups.
    ["X-and-Y", "X-and-Y X-witnesses Y-witnesses none", false],
    ["X-witnesses", "X1 Z9 x2", false],
  ];
  for (const [quorum, names, isMet] of cases) {
    it(`of ${quorum} is ${isMet ? "met" : "not met"} by ${names === "" ? "nobody" : names}`, () => {
      assert.equal(isQuorum(nested(quorum), new Set(names.split(" "))), isMet);
    });
  }
});

describe("a policy file", () => {
  it("may hold comments, empty lines, tabs and URLs, in any order that defines before it uses", () => {
    const policy = policyOf(
      "# a comment with Umläuten",
      "",
      `\twitness\t X1   ${vkeyOf(WITNESSES[0]!.signer)} https://x1.example/ `,
      "   # another",
      "quorum X1",
      `${LOG_LINE} https://log.example/`,
    );
    assert.equal(policy.quorum, "X1");
    assert.deepEqual(
      policy.witnesses.map(({ name, url }) => [name, url]),
      [["X1", "https://x1.example/"]],
    );
    assert.deepEqual(
      policy.logs.map(({ key, url }) => [key.keyId, url]),
      [[LOG.key.keyId, "https://log.example/"]],
    );
  });
  const [x1, x2] = [WITNESS_LINES[0]!, WITNESS_LINES[1]!];
  const renamed = newVerifierKey("renamed.example", "cosignature", WITNESSES[0]!.signer.key.publicKey);
  const bad: Readonly<Record<string, readonly string[]>> = {
    "no quorum": [LOG_LINE, x1],
    "two quorums": ["quorum none", "quorum none"],
    "a quorum that is defined below it": ["quorum X1", x1],
    "a quorum of two names": [x1, x2, "quorum X1 X2"],
    "a quorum without a name": ["quorum"],
    "an unknown keyword": ["mirror a", "quorum none"],
    "a keyword in capitals": ["Quorum none"],
    "a log's key for cosignatures": [`log ${vkeyOf(WITNESSES[0]!.signer)}`, "quorum none"],
    "a witness's plain key": [`witness X1 ${vkeyOf(LOG)}`, "quorum none"],
    "a key that is none": ["log example.com", "quorum none"],
    "a key of an unknown type": ["log PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "quorum none"],
    "a log without a key": ["log", "quorum none"],
    "a log with two URLs": [`${LOG_LINE} a b`, "quorum none"],
    "a log twice": [LOG_LINE, LOG_LINE, "quorum none"],
    "a witness without a key": ["witness X1", "quorum none"],
    "a witness with two URLs": [`${x1} a b`, "quorum none"],
    "a name twice": [x1, x2.replace("X2", "X1"), "quorum none"],
    "a witness's key under two names": [x1, `witness X9 ${formatVerifierKey(renamed)}`, "quorum none"],
    "a witness named none": [x1.replace("X1", "none"), "quorum none"],
    "a group named none": [x1, "group none any X1", "quorum none"],
    "a group with the name of a witness": [x1, x2, "group X1 any X2", "quorum none"],
    "a group without members": [x1, "group G any", "quorum none"],
    "a group without a threshold": [x1, "group G X1", "quorum none"],
    "a threshold of none": [x1, "group G 0 X1", "quorum none"],
    "a threshold beyond the members": [x1, x2, "group G 3 X1 X2", "quorum none"],
    "a threshold with a leading zero": [x1, "group G 01 X1", "quorum none"],
    "a threshold with a fraction": [x1, x2, "group G 1.5 X1 X2", "quorum none"],
    "a member that is not defined": [x1, "group G any X1 X2", "quorum none"],
    "a member that is defined below": [x1, "group G any X1 X2", x2, "quorum none"],
    "a group that holds itself": [x1, "group G any X1 G", "quorum none"],
    "a group with the member none": [x1, "group G any none", "quorum none"],
    "a member twice": [x1, x2, "group G 2 X1 X1", "quorum none"],
    "a member of two groups": [x1, x2, "group G any X1 X2", "group H any X1", "quorum none"],
    "a control character": [`# \u0001`, "quorum none"],
    "a delete character": [`# \u007f`, "quorum none"],
    "a carriage return": ["quorum none\r"],
  };
  for (const [name, lines] of Object.entries(bad)) {
    it(`is refused with ${name}`, () => assert.throws(() => policyOf(...lines), TlogError));
  }
  it("is refused without a line feed at its end, or when it is no UTF-8 or too large", () => {
    assert.throws(() => parsePolicy(Buffer.from("quorum none")), TlogError);
    assert.throws(() => parsePolicy(Buffer.from("# \xff\nquorum none\n", "latin1")), TlogError);
    assert.throws(() => policyOf(`#${" ".repeat(65_536)}`, "quorum none"), TlogError);
  });
  it("says which line is wrong", () => {
    assert.throws(() => policyOf(LOG_LINE, x1, "group G 2 X1", "quorum G"), /line 3 of the policy/);
  });
});

describe("a checkpoint under a policy", () => {
  const TEXT = `log.example/1\n0\n${emptyRoot().toString("base64")}\n`;
  const cosigned = async (...names: string[]): Promise<Buffer> => {
    const signatures: NoteSignature[] = [await signNote(TEXT, LOG.key, LOG.sign)];
    for (const { name, signer } of WITNESSES) {
      if (names.includes(name)) signatures.push(await cosignNote(TEXT, signer.key, 1, signer.sign));
    }
    return formatNote({ text: TEXT, signatures });
  };
  it("is opened when enough witnesses have cosigned, and names them", async () => {
    const { witnesses, checkpoint } = openWitnessed(await cosigned("X1", "X2", "Y3"), nested("X-and-Y"));
    assert.deepEqual([...witnesses], ["X1", "X2", "Y3"]);
    assert.equal(checkpoint.size, 0);
  });
  it("is refused when witnesses are missing, however often one has cosigned", async () => {
    const note = await cosigned("X1", "Y3");
    assert.throws(() => openWitnessed(note, nested("X-and-Y")), /too few witnesses/);
    const again = WITNESSES[0]!.signer;
    const repeated = Buffer.concat([
      note,
      formatNote({ text: "\n", signatures: [await cosignNote(TEXT, again.key, 2, again.sign)] }).subarray(2),
    ]);
    assert.throws(() => openWitnessed(repeated, nested("X-and-Y")), /too few witnesses/);
    assert.equal(openWitnessed(repeated, nested("none")).cosignatures.length, 3);
  });
  it("is refused when the policy knows no log that signed", async () => {
    const note = await cosigned("X1");
    assert.throws(() => openWitnessed(note, policyOf(...WITNESS_LINES, "quorum X1")), /no key of the checkpoint's log/);
  });
});
