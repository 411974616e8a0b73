import type { PoolClient } from "pg";
import type { DataSource } from "typeorm";
import { RootkeepError } from "../kernel/errors.js";
import { AuditRepository } from "./audit.repository.js";
import { BUNDLE_WIDTH, encodeBundle } from "./bundle.js";
import { leafHash } from "./chain.js";
import { type Entry, parseEntry } from "./entry.js";

/** An entry with its place's hash, as it is shown. */
export interface ReadEntry {
  readonly seq: number;
  /** Lower-case hex. */
  readonly leaf: string;
  readonly entry: Entry;
}

/** Reads the log for auditors: the bytes as they are, nothing derived from tables beside them. */
export class AuditReader {
  constructor(private readonly dataSource: DataSource) {}

  async head(): Promise<{ origin: string; size: number; head: string }> {
    const { origin, size, lastLeaf } = await this.#with((client) => AuditRepository.readHead(client));
    return { origin, size, head: lastLeaf.toString("hex") };
  }

  /** Entries from `from` on, at most `limit`. */
  async entries(from: number, limit: number): Promise<ReadEntry[]> {
    const page = await this.#with((client) => AuditRepository.range(client, from, limit));
    return page.map((bytes) => {
      const entry = parseEntry(bytes);
      return { seq: entry.seq, leaf: leafHash(bytes).toString("hex"), entry };
    });
  }

  /** The C2SP entry bundle `n`, as far as it is filled, and the size of the log it was cut from. @throws RootkeepError `NOT_FOUND` */
  async bundle(n: number): Promise<{ bytes: Buffer; size: number }> {
    return await this.#with(async (client) => {
      const { size } = await AuditRepository.readHead(client);
      const entries = await AuditRepository.range(client, n * BUNDLE_WIDTH, Math.min(BUNDLE_WIDTH, size - n * BUNDLE_WIDTH));
      if (entries.length === 0) throw new RootkeepError("NOT_FOUND");
      return { bytes: encodeBundle(entries), size };
    });
  }

  /** Openings of the commitments of `[from, to)` that have not been erased. */
  async disclosures(from: number, to: number): Promise<{ seq: number; field: string; salt: Buffer; value: string }[]> {
    return await this.#with((client) => AuditRepository.disclosures(client, from, to));
  }

  async #with<T>(use: (client: PoolClient) => Promise<T>): Promise<T> {
    const runner = this.dataSource.createQueryRunner();
    try {
      return await use((await runner.connect()) as PoolClient);
    } finally {
      await runner.release();
    }
  }
}
