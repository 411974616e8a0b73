import type { PoolClient } from "pg";
import type { DataSource } from "typeorm";
import { AuditRepository } from "./audit.repository.js";
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
