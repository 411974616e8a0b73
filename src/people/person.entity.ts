import { Column, Entity, PrimaryColumn } from "typeorm";
import { DecidingRow } from "../database/deciding-row.entity.js";
import type { Id } from "../kernel/ids.js";

export type PersonState = "INVITED" | "ACTIVE" | "SUSPENDED" | "LEFT";

/** A named human. Name and e-mail are unique, also after leaving: one human is one person (design §2). */
@Entity({ schema: "people", name: "person", synchronize: false })
export class Person extends DecidingRow {
  @PrimaryColumn({ type: "text" }) id!: Id<"person">;
  @Column({ type: "text" }) name!: string;
  @Column({ type: "text" }) email!: string;
  @Column({ type: "text" }) state!: PersonState;
  @Column({ name: "created_at", type: "timestamptz", precision: 3 }) createdAt!: Date;
}
