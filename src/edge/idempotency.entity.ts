import { Column, Entity, PrimaryColumn } from "typeorm";
import type { Operation } from "../kernel/operations.js";

/** RUNNING: reserved, its end not known. DONE: it went well. DOUBT: it failed in a way that leaves open whether it took effect. */
export type IdempotencyState = "RUNNING" | "DONE" | "DOUBT";

/** What is kept of a call that came with an `Idempotency-Key`. Never the body, never an answer (design §9). */
@Entity({ schema: "edge", name: "idempotency", synchronize: false })
export class IdempotencyRecord {
  /** Person id, or `anonymous`. */
  @PrimaryColumn({ type: "text" }) caller!: string;
  @PrimaryColumn({ type: "text" }) operation!: Operation;
  @PrimaryColumn({ type: "text" }) key!: string;
  /** Keyed hash of path and body; of the path alone where the operation releases something. */
  @Column({ name: "body_mac", type: "bytea" }) bodyMac!: Buffer;
  @Column({ type: "text" }) state!: IdempotencyState;
  @Column({ type: "int", nullable: true }) status!: number | null;
  @Column({ name: "resource_id", type: "text", nullable: true }) resourceId!: string | null;
  /** Position of the entry that tells of the call, where its answer named one. bigint as text. */
  @Column({ type: "bigint", nullable: true }) seq!: string | null;
  @Column({ name: "created_at", type: "timestamptz", precision: 3 }) createdAt!: Date;
}
