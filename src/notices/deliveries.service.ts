import type { DataSource } from "typeorm";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { type DeliveryRow, Outbox } from "./outbox.repository.js";

/** What became of notices, for whoever looks after them. */
export class Deliveries {
  constructor(private readonly dataSource: DataSource) {}

  async list(state: DeliveryRow["state"], after: string, limit: number): Promise<DeliveryRow[]> {
    return await Outbox.list(this.dataSource, state, after, limit);
  }

  /** Puts one that was given up back in line. @throws RootkeepError `NOT_FOUND` */
  async retry(id: Id<"delivery">): Promise<void> {
    if (!(await Outbox.retry(this.dataSource, id))) throw new RootkeepError("NOT_FOUND");
  }
}
