import { SHOWN, Shown } from "../wire/fields.js";

/** Who is of which team. */
export class TeamReply {
  @Shown(SHOWN.id) readonly personId!: string;
  @Shown(SHOWN.text) readonly team!: string;
}

/** One page of teams. */
export class TeamsReply {
  @Shown({ type: () => [TeamReply] }) readonly items!: readonly TeamReply[];
  @Shown(SHOWN.next) readonly next!: string | null;
}
