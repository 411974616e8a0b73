import { SHOWN, Shown } from "../wire/fields.js";
import { CANDIDATE_REPORTS } from "./secret-version.entity.js";

/** One value of a secret: its states, never the value. */
export class VersionReply {
  @Shown(SHOWN.id) readonly id!: string;
  @Shown(SHOWN.count) readonly number!: number;
  @Shown({
    type: "string",
    enum: ["STAGED", "APPLYING", "ACTIVE", "SUPERSEDED", "DESTROYED", "AMBIGUOUS", "ABANDONED", "COMPROMISED"],
  })
  readonly state!: string;
  @Shown({ type: "string", enum: ["CLEAN", "EXPOSED", "BURNT"] }) readonly exposure!: string;
  @Shown({ ...SHOWN.flag, description: "Of a candidate: it was read back and copied, and may be shown." }) readonly isReady!: boolean;
  @Shown({ ...SHOWN.time, nullable: true, description: "Until when whoever was shown a candidate was to set it." })
  readonly deadline!: string | null;
  @Shown({ type: "string", enum: [...CANDIDATE_REPORTS], nullable: true, description: "What they said of it; no proof." })
  readonly report!: string | null;
  @Shown(SHOWN.time) readonly createdAt!: string;
}

/** Something kept secret for the account. */
export class SecretReply {
  @Shown(SHOWN.id) readonly id!: string;
  @Shown(SHOWN.text) readonly kind!: string;
  @Shown({ type: () => [VersionReply] }) readonly versions!: readonly VersionReply[];
}

/** All that is kept for the account. */
export class SecretsReply {
  @Shown({ type: () => [SecretReply] }) readonly items!: readonly SecretReply[];
  @Shown(SHOWN.next) readonly next!: string | null;
}
