import type { Client } from "pg";
import { AuditRepository } from "../../src/audit/audit.repository.js";
import { ZERO_HASH } from "../../src/audit/chain.js";
import { type BuiltEntry, buildEntry } from "../../src/audit/entry.js";
import { deriveEventId, newEventId } from "../../src/kernel/ids.js";
import { sampleEntry } from "./sample-entry.js";

/** Entries of one call of the append function; it takes 1,024 at most. The first call appends the genesis alone, as the service does. */
const BATCH = 1_000;

/**
 * Appends `size` entries to an empty log as its queue does, lock and append function and all, but with the next batch built while the
 * database takes the last one. Half of the entries have derived ids, as openings do.
 * @returns bytes of the entries.
 */
export async function buildLog(client: Client, origin: string, size: number, onProgress: (done: number) => Promise<void>): Promise<number> {
  await AuditRepository.begin(client, origin);
  const builder = new BatchBuilder(origin);
  let batch: readonly BuiltEntry[] = [];
  let [done, bytes] = [0, 0];
  while (done < size) {
    await client.query("BEGIN");
    const { now } = await AuditRepository.lockHead(client);
    if (done === 0) batch = builder.next(1, now);
    const appending = AuditRepository.append(client, done, batch);
    done += batch.length;
    bytes += batch.reduce((sum, entry) => sum + entry.bytes.length, 0);
    // The time of this lock: it is not in the future of the next one, and no entry has a later one.
    batch = builder.next(Math.min(BATCH - (done % BATCH), size - done), now);
    await appending;
    await client.query("COMMIT");
    await onProgress(done);
  }
  return bytes;
}

/** Builds entries one after the other, with the state that the database keeps of a log. */
class BatchBuilder {
  #seq = 0;
  #prev: Buffer = ZERO_HASH;
  readonly #streams = new Map<string, { sseq: number; sprev: Buffer }>();

  constructor(private readonly log: string) {}

  next(count: number, time: string): readonly BuiltEntry[] {
    return Array.from({ length: count }, () => this.#build(time));
  }

  #build(time: string): BuiltEntry {
    const seq = this.#seq++;
    const draft = sampleEntry(seq, seq % 2 === 0 ? newEventId() : deriveEventId(Buffer.from(String(seq))));
    const place = this.#streams.get(draft.stream ?? "") ?? { sseq: 0, sprev: ZERO_HASH };
    const built = buildEntry(draft, { log: this.log, seq, prev: this.#prev, time, ...place });
    this.#streams.set(draft.stream ?? "", { sseq: place.sseq + 1, sprev: built.leafHash });
    this.#prev = built.leafHash;
    return built;
  }
}
