import { RootkeepError } from "../kernel/errors.js";
import type { Anchor, PublishedCheckpoint } from "./anchor.port.js";
import type { WitnessAnchorUri } from "./anchor-uri.js";
import { verifyCosignature } from "./tlog/cosignature.js";
import { parseNote, signatureLine } from "./tlog/note.js";
import { TlogError } from "./tlog/tlog-error.js";
import type { VerifierKey } from "./tlog/verifier-key.js";
import { formatAddCheckpoint, parseCosignatures, parseWitnessSize } from "./tlog/witness-messages.js";

/** For one exchange, with the body of its answer. */
const DEADLINE_MS = 5_000;
const ANSWER_BYTES_MAX = 64 * 1024;
/** Another signer's checkpoint may reach the witness between its answer and our next request. */
const EXCHANGES_MAX = 3;

/** Answers that no other request of ours would change (C2SP tlog-witness). */
const REFUSALS: Readonly<Record<number, string>> = {
  400: "witness_refused_the_request",
  403: "witness_does_not_know_the_key",
  404: "witness_does_not_know_the_log",
};

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
}

/**
 * Asks a C2SP witness to cosign checkpoints. A witness keeps only the largest checkpoint that it cosigned of a log, and cosigns only what
 * is proven to begin with it: what was put back, or shown differently to others, it refuses.
 */
export class WitnessAnchor implements Anchor {
  readonly name: string;
  readonly #key: VerifierKey;
  readonly #url: string;
  /** Sizes by origin. Only a shortcut: after a restart the witness says itself where it stands. */
  readonly #lastSizes = new Map<string, number>();

  constructor({ name, key, url }: WitnessAnchorUri) {
    this.name = name;
    this.#key = key;
    this.#url = `${url}/add-checkpoint`;
  }

  async publish(checkpoint: PublishedCheckpoint): Promise<readonly string[]> {
    const { origin, size } = checkpoint;
    let oldSize = Math.min(this.#lastSizes.get(origin) ?? 0, size);
    for (let exchange = 1; exchange <= EXCHANGES_MAX; exchange++) {
      const answer = await this.#ask(checkpoint, oldSize);
      if (answer.status === 200) {
        const lines = cosignatureLines(this.#key, checkpoint.note, answer.body);
        this.#lastSizes.set(origin, size);
        return lines;
      }
      if (answer.status !== 409) throw refused(answer.status, size);
      oldSize = nextOldSize(answer, oldSize, size);
      this.#lastSizes.set(origin, oldSize);
    }
    throw unavailable("witness_keeps_moving");
  }

  async #ask(checkpoint: PublishedCheckpoint, oldSize: number): Promise<Answer> {
    const proof = oldSize === 0 ? [] : await checkpoint.consistencyProof(oldSize);
    const body = formatAddCheckpoint({ oldSize, proof, note: Buffer.from(checkpoint.note, "utf8") });
    try {
      const response = await fetch(this.#url, {
        method: "POST",
        body: new Uint8Array(body),
        headers: { "content-type": "text/plain; charset=utf-8" },
        redirect: "error",
        signal: AbortSignal.timeout(DEADLINE_MS),
      });
      return { status: response.status, contentType: response.headers.get("content-type") ?? "", body: await readAnswer(response) };
    } catch (error) {
      if (error instanceof RootkeepError) throw error;
      throw unavailable("witness_unreachable");
    }
  }
}

/**
 * Where the witness stands, after its answer 409.
 * @throws RootkeepError `ROLLBACK_DETECTED` when it has cosigned a larger tree, or another of the same size; `UNAVAILABLE` for an answer
 *   that makes no sense.
 */
function nextOldSize(answer: Answer, oldSize: number, size: number): number {
  // At equal sizes the witness has nothing left to refuse but the root; it need not say a size then.
  if (oldSize === size && !isSizeAnswer(answer)) throw contradicted("witness_holds_another_tree", size);
  if (!isSizeAnswer(answer)) throw unavailable("witness_answer_is_malformed");
  const theirs = sizeIn(answer.body);
  if (theirs > size) throw contradicted("witness_holds_a_larger_tree", theirs);
  if (theirs === oldSize)
    throw theirs === size ? contradicted("witness_holds_another_tree", size) : unavailable("witness_answer_is_malformed");
  return theirs;
}

function isSizeAnswer({ contentType }: Answer): boolean {
  return contentType.split(";")[0]?.trim().toLowerCase() === "text/x.tlog.size";
}

function sizeIn(body: Buffer): number {
  try {
    return parseWitnessSize(body);
  } catch (error) {
    if (error instanceof TlogError) throw unavailable("witness_answer_is_malformed");
    throw error;
  }
}

/** The proof that we made of our tree does not lead from the tree that the witness cosigned: ours is another (422). */
function refused(status: number, size: number): RootkeepError {
  if (status === 422) return contradicted("witness_holds_another_tree", size);
  return unavailable(REFUSALS[status] ?? "witness_unavailable");
}

/**
 * One line of the witness's own key; lines of other keys are dropped, for nobody here can check them. A witness may send many, each of
 * another second and each valid: with a hundred of them the note would be none. The earliest stays, which bounds the time best.
 */
function cosignatureLines(key: VerifierKey, note: string, body: Buffer): readonly string[] {
  try {
    const { text } = parseNote(Buffer.from(note, "utf8"));
    const ours = parseCosignatures(body)
      .filter(({ name, keyId }) => name === key.name && keyId === key.keyId)
      .map((signature) => ({ signature, time: verifyCosignature(key, text, signature.signature) }));
    const [earliest] = ours.toSorted((one, other) => one.time - other.time);
    if (earliest !== undefined) return [signatureLine(earliest.signature)];
  } catch (error) {
    if (!(error instanceof TlogError)) throw error;
  }
  throw unavailable("witness_has_not_cosigned");
}

async function readAnswer(response: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > ANSWER_BYTES_MAX) throw unavailable("witness_answer_is_too_large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function contradicted(reason: string, size: number): RootkeepError {
  return new RootkeepError("ROLLBACK_DETECTED", { reason, facts: { size } });
}

function unavailable(reason: string): RootkeepError {
  return new RootkeepError("UNAVAILABLE", { reason });
}
