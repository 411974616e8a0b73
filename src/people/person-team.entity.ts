import { Column, Entity, PrimaryColumn } from "typeorm";
import { DecidingRow } from "../database/deciding-row.entity.js";
import type { Id } from "../kernel/ids.js";

/** Which team a person is of; a row of its own, because most deployments ask nobody for a team. */
@Entity({ schema: "people", name: "person_team", synchronize: false })
export class PersonTeam extends DecidingRow {
  /** The person's id: one person, one team. */
  @PrimaryColumn({ type: "text" }) id!: Id<"person">;
  /** Null after it was taken away: then the person is of no team, and approves nothing that asks for one. */
  @Column({ type: "text", nullable: true }) team!: string | null;
}
