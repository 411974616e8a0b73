import { ACCOUNT_FACT_COMMANDS } from "./account-facts.js";
import { ACCOUNT_COMMANDS } from "./accounts.js";
import { ALLOWLIST_COMMANDS } from "./allowlist.js";
import { AUDIT_COMMANDS } from "./audit.js";
import type { Command, RawCommand } from "./command.js";
import { ESCROW_COMMANDS } from "./escrow.js";
import { GLASS_COMMANDS } from "./glass.js";
import { LIFECYCLE_COMMANDS } from "./lifecycle.js";
import { LOGIN_COMMANDS } from "./login.js";
import { PEOPLE_COMMANDS } from "./people.js";
import { PEOPLE_REPORT_COMMANDS } from "./people-report.js";
import { POLICY_COMMANDS } from "./policies.js";
import { POSTURE_COMMANDS } from "./posture.js";
import { RECOVER_COMMAND } from "./recover.js";
import { REOPEN_COMMAND } from "./reopen.js";
import { REQUEST_COMMANDS } from "./requests.js";
import { ROTATE_COMMANDS } from "./rotate.js";
import { SECOND_STORE_COMMAND } from "./second-store.js";
import { SERVER_COMMANDS } from "./serve.js";
import { TICKET_COMMANDS } from "./tickets.js";

/** Every command, in the order of the overview. */
export const COMMANDS: readonly (Command | RawCommand)[] = [
  ...SERVER_COMMANDS,
  ...LOGIN_COMMANDS,
  ...ACCOUNT_COMMANDS,
  ...ACCOUNT_FACT_COMMANDS,
  ...POSTURE_COMMANDS,
  ...LIFECYCLE_COMMANDS,
  ...PEOPLE_COMMANDS,
  ...ALLOWLIST_COMMANDS,
  ...PEOPLE_REPORT_COMMANDS,
  ...REQUEST_COMMANDS,
  ...ROTATE_COMMANDS,
  ...GLASS_COMMANDS,
  ...TICKET_COMMANDS,
  ...POLICY_COMMANDS,
  ...AUDIT_COMMANDS,
  REOPEN_COMMAND,
  RECOVER_COMMAND,
  ...ESCROW_COMMANDS,
  SECOND_STORE_COMMAND,
];
