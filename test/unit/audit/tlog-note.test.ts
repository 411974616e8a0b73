import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatCheckpoint, openCheckpoint } from "../../../src/audit/tlog/checkpoint.js";
import {
  cosignNote,
  formatNote,
  NOTE_BYTES_MAX,
  type NoteSignature,
  parseNote,
  signNote,
  verifyNote,
} from "../../../src/audit/tlog/note.js";
import { TlogError } from "../../../src/audit/tlog/tlog-error.js";
import { emptyRoot } from "../../../src/audit/tlog/tree.js";
import { newVerifierKey } from "../../../src/audit/tlog/verifier-key.js";
import { noteSigner } from "../../support/tlog-keys.js";

const LOG = noteSigner("log.example/1", "ed25519", Buffer.alloc(32, 1));
const NEXT = noteSigner("log.example/1", "ed25519", Buffer.alloc(32, 2));
const OTHER = noteSigner("other.example/1", "ed25519", Buffer.alloc(32, 3));
const WITNESS = noteSigner("witness.example/w", "cosignature", Buffer.alloc(32, 4));
const TEXT = `log.example/1\n0\n${emptyRoot().toString("base64")}\n`;
const TIME = 1_767_225_600;

async function noteOf(...signatures: Promise<NoteSignature>[]): Promise<Buffer> {
  return formatNote({ text: TEXT, signatures: await Promise.all(signatures) });
}
const byLog = (): Promise<NoteSignature> => signNote(TEXT, LOG.key, LOG.sign);
const byNext = (): Promise<NoteSignature> => signNote(TEXT, NEXT.key, NEXT.sign);
const byOther = (): Promise<NoteSignature> => signNote(TEXT, OTHER.key, OTHER.sign);
const byWitness = (time = TIME): Promise<NoteSignature> => cosignNote(TEXT, WITNESS.key, time, WITNESS.sign);

describe("signing", () => {
  it("lets no signature out that is not the key's", async () => {
    await assert.rejects(signNote(TEXT, LOG.key, NEXT.sign), /not its key's signature/);
    const flipped = async (message: Buffer): Promise<Buffer> => {
      const signature = await LOG.sign(message);
      signature[63]! ^= 1;
      return signature;
    };
    await assert.rejects(signNote(TEXT, LOG.key, flipped), /not its key's signature/);
    await assert.rejects(cosignNote(TEXT, WITNESS.key, TIME, LOG.sign), /not its key's signature/);
  });
  it("keeps a log's key and a witness's key to what they are for", async () => {
    await assert.rejects(signNote(TEXT, WITNESS.key, WITNESS.sign), /plain Ed25519/);
    await assert.rejects(cosignNote(TEXT, LOG.key, TIME, LOG.sign), /cosignatures/);
  });
  it("asks the signer for nothing when the text could not be a note's", async () => {
    for (const text of ["", "no line feed", "a\tb\n", "\ud800\n"]) {
      const sign = (): never => assert.fail("the signer was asked");
      await assert.rejects(signNote(text, LOG.key, sign), /not plain/);
      assert.throws(() => formatNote({ text, signatures: [] }), TlogError);
    }
  });
  it("takes no time but whole seconds", async () => {
    for (const time of [-1, 0.5, 2 ** 53]) await assert.rejects(byWitness(time), RangeError);
  });
});

describe("a note", () => {
  it("holds 1 to 100 signatures", async () => {
    const signature = await byLog();
    const many = Array.from({ length: 100 }, () => signature);
    assert.equal(verifyNote(parseNote(formatNote({ text: TEXT, signatures: many })), [LOG.key]).length, 100);
    assert.throws(() => formatNote({ text: TEXT, signatures: [...many, signature] }), /more than 100/);
    assert.throws(() => formatNote({ text: TEXT, signatures: [] }), TlogError);
  });
  it("holds no more than a million bytes", async () => {
    const signatures = [await byLog()];
    const room = NOTE_BYTES_MAX - formatNote({ text: "\n", signatures }).length;
    assert.doesNotThrow(() => formatNote({ text: `${"x".repeat(room)}\n`, signatures }));
    assert.throws(() => formatNote({ text: `${"x".repeat(room + 1)}\n`, signatures }), /larger than/);
  });
  it("is UTF-8, and a mark at its beginning is part of its text", async () => {
    const note = await noteOf(byLog());
    assert.throws(() => parseNote(Buffer.concat([Buffer.of(0xff), note])), /UTF-8/);
    const marked = parseNote(Buffer.concat([Buffer.from("\ufeff", "utf8"), note]));
    assert.throws(() => verifyNote(marked, [LOG.key]), /does not verify/);
  });
  it("ends its text at the last empty line", () => {
    const text = "first\n\n\nlast\n\n";
    const signatures = [{ name: "a", keyId: 1, signature: Buffer.of(1) }];
    assert.deepEqual(parseNote(formatNote({ text, signatures })), { text, signatures });
  });
  it("is not verified with two keys that cannot be told apart", async () => {
    const note = parseNote(await noteOf(byLog()));
    assert.throws(() => verifyNote(note, [LOG.key, { ...OTHER.key, name: LOG.key.name, keyId: LOG.key.keyId }]), /same name and id/);
  });
  it("is refused when a second signature of a known key is wrong", async () => {
    const [good, witnessed] = [await byLog(), await byWitness()];
    const bad = { ...good, signature: Buffer.alloc(64) };
    assert.throws(() => verifyNote({ text: TEXT, signatures: [good, bad] }, [LOG.key]), /does not verify/);
    const later = { ...witnessed, signature: Buffer.from(witnessed.signature) };
    later.signature[7]! += 1;
    assert.throws(() => verifyNote({ text: TEXT, signatures: [good, later] }, [LOG.key, WITNESS.key]), /does not verify/);
  });
  it("is refused when a witness signed plainly, or a log with a time", async () => {
    const plain = Buffer.from(await WITNESS.sign(Buffer.from(TEXT, "utf8")));
    assert.throws(() => verifyNote({ text: TEXT, signatures: [{ ...WITNESS.key, signature: plain }] }, [WITNESS.key]), /72 bytes/);
    const timed = (await byWitness()).signature;
    assert.throws(() => verifyNote({ text: TEXT, signatures: [{ ...LOG.key, signature: timed }] }, [LOG.key]), /does not verify/);
  });
});

describe("a signed checkpoint", () => {
  const keys = { logs: [LOG.key, NEXT.key, OTHER.key], witnesses: [WITNESS.key] };
  it("tells who signed, with either key of its log and with both", async () => {
    const open = async (...signatures: Promise<NoteSignature>[]): Promise<unknown> =>
      openCheckpoint(await noteOf(...signatures), keys).logSignatures.map(({ key }) => key.keyId);
    assert.deepEqual(await open(byLog()), [LOG.key.keyId]);
    assert.deepEqual(await open(byLog(), byNext(), byOther()), [LOG.key.keyId, NEXT.key.keyId]);
  });
  it("gives the time at which a witness signed", async () => {
    const { cosignatures } = openCheckpoint(await noteOf(byLog(), byWitness(), byWitness(TIME + 60)), keys);
    assert.deepEqual(
      cosignatures.map(({ time }) => time),
      [TIME, TIME + 60],
    );
  });
  it("is not believed on the word of another log's key, or of witnesses alone", async () => {
    const note = await noteOf(byOther());
    assert.throws(() => openCheckpoint(note, keys), /no key of the checkpoint's log/);
    const witnessed = await noteOf(byWitness());
    assert.throws(() => openCheckpoint(witnessed, keys), /no key of the checkpoint's log/);
  });
  it("is not opened with keys of the wrong kind", async () => {
    const note = await noteOf(byLog());
    assert.throws(() => openCheckpoint(note, { logs: [LOG.key, WITNESS.key], witnesses: [] }), /plain Ed25519/);
    assert.throws(() => openCheckpoint(note, { logs: [LOG.key], witnesses: [OTHER.key] }), /cosignatures/);
  });
});

describe("a checkpoint's text", () => {
  it("is not made of an origin or a line that would pass for other lines", () => {
    const root = Buffer.alloc(32, 7);
    const whole = `log.example/1\n5\n${root.toString("base64")}`;
    assert.throws(() => formatCheckpoint({ origin: whole, size: 9, root, extensions: [] }), TlogError);
    assert.throws(() => formatCheckpoint({ origin: "log.example/1", size: 9, root, extensions: ["a\nb"] }), TlogError);
    assert.throws(() => formatCheckpoint({ origin: "log.example/1", size: 0, root, extensions: [] }), TlogError);
    assert.throws(() => formatCheckpoint({ origin: "log.example/1", size: -1, root, extensions: [] }), TlogError);
  });
});

describe("making a verifier key", () => {
  it("takes no name that a note could not hold, and no key of another length", () => {
    for (const name of ["", "a b", "a+b", "a\u2003b", "a\nb", "\ud800"]) {
      assert.throws(() => newVerifierKey(name, "ed25519", LOG.key.publicKey), /name/);
    }
    assert.throws(() => newVerifierKey("a", "ed25519", Buffer.alloc(31)), /32 bytes/);
  });
});
