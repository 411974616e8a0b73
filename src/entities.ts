import { AccountRow } from "./accounts/account.entity.js";
import { AccountLife } from "./accounts/account-life.entity.js";
import { RootAddress } from "./accounts/root-address.entity.js";
import { AccessGrant } from "./approvals/access-grant.entity.js";
import { Approval } from "./approvals/approval.entity.js";
import { BrakeRaise } from "./approvals/brake-raise.entity.js";
import { GlassUse } from "./approvals/glass-use.entity.js";
import { PolicyBookRow } from "./approvals/policy-book.entity.js";
import { Request } from "./approvals/request.entity.js";
import { PostureRow } from "./aws/posture.entity.js";
import { IdempotencyRecord } from "./edge/idempotency.entity.js";
import { DataKeyEntity } from "./keys/data-key.entity.js";
import { ChecklistRow } from "./lifecycle/checklist.entity.js";
import { StepRow } from "./lifecycle/step.entity.js";
import { AllowlistEntry } from "./people/allowlist-entry.entity.js";
import { Authenticator } from "./people/authenticator.entity.js";
import { Identity } from "./people/identity.entity.js";
import { Invitation } from "./people/invitation.entity.js";
import { Person } from "./people/person.entity.js";
import { PersonTeam } from "./people/person-team.entity.js";
import { Session } from "./people/session.entity.js";
import { Destruction } from "./secrets/destruction.entity.js";
import { SecretRow } from "./secrets/secret.entity.js";
import { SecretVersion } from "./secrets/secret-version.entity.js";
import { BoardTicket } from "./tickets/board-ticket.entity.js";

/** Every entity class; `database` must know them and may not look up. */
export const ENTITIES = [
  DataKeyEntity,
  AccountRow,
  RootAddress,
  AccountLife,
  Person,
  PersonTeam,
  Authenticator,
  Identity,
  Session,
  AllowlistEntry,
  Invitation,
  BoardTicket,
  Request,
  Approval,
  AccessGrant,
  BrakeRaise,
  GlassUse,
  PolicyBookRow,
  SecretRow,
  SecretVersion,
  Destruction,
  PostureRow,
  ChecklistRow,
  StepRow,
  IdempotencyRecord,
] as const;
