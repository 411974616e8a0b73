import { Column, Entity, PrimaryColumn } from "typeorm";
import { DecidingRow } from "../database/deciding-row.entity.js";
import type { Id } from "../kernel/ids.js";

/** A ticket of the built-in board. Whether it is open, and whom it names, can refuse an opening: a row that was edited does not pass. */
@Entity({ schema: "tickets", name: "board_ticket", synchronize: false })
export class BoardTicket extends DecidingRow {
  @PrimaryColumn({ type: "text" }) id!: Id<"ticket">;
  @Column({ type: "text" }) reference!: string;
  @Column({ name: "account_id", type: "text", nullable: true }) accountId!: Id<"account"> | null;
  @Column({ type: "text" }) title!: string;
  @Column({ type: "text" }) state!: "OPEN" | "CLOSED";
  /** Null where the service itself opened it. */
  @Column({ name: "opened_by", type: "text", nullable: true }) openedBy!: Id<"person"> | null;
  @Column({ name: "opened_at", type: "timestamptz", precision: 3 }) openedAt!: Date;
  @Column({ name: "closed_by", type: "text", nullable: true }) closedBy!: Id<"person"> | null;
  @Column({ name: "closed_at", type: "timestamptz", precision: 3, nullable: true }) closedAt!: Date | null;
  /** What the service opened it for, once. */
  @Column({ name: "open_key", type: "text", nullable: true }) openKey!: string | null;
}
