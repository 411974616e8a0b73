import { ALERTS, HEALTH_CHECKS } from "../telemetry/health.js";
import { SHOWN, Shown } from "../wire/fields.js";

/** The process runs. */
export class LiveReply {
  @Shown({ type: "string", const: "ok" }) readonly status!: string;
}

const CHECK = {
  type: "object",
  required: ["status"],
  properties: { status: { type: "string", enum: ["ok", "failing"] }, code: { type: "string" } },
};

const ALERTS_SHOWN = {
  type: "array",
  items: { type: "string", enum: [...ALERTS] },
  description: "What somebody should look at; the service works.",
};

/** Whether the service can do its work. */
export class ReadyReply {
  @Shown(SHOWN.flag) readonly isReady!: boolean;
  @Shown({ type: "object", properties: Object.fromEntries(HEALTH_CHECKS.map((name) => [name, CHECK])), additionalProperties: false })
  readonly checks!: object;
  @Shown(ALERTS_SHOWN) readonly alerts!: readonly string[];
}

/** What the service says about itself to anybody. */
export class HealthReply {
  @Shown(SHOWN.flag) readonly initialized!: boolean;
  @Shown(SHOWN.flag) readonly founded!: boolean;
  @Shown({ ...SHOWN.flag, description: "The panic seal holds." }) readonly sealed!: boolean;
  @Shown(SHOWN.text) readonly version!: string;
  @Shown(SHOWN.time) readonly serverTime!: string;
  @Shown(ALERTS_SHOWN) readonly alerts!: readonly string[];
}
