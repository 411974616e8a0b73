import { CreateSchemas1763800000000 } from "./1763800000000-create-schemas.js";
import { CreateAuditLog1763800100000 } from "./1763800100000-create-audit-log.js";
import { CreateDataKeys1763800200000 } from "./1763800200000-create-data-keys.js";
import { CreateAccounts1763800300000 } from "./1763800300000-create-accounts.js";
import { CreatePeople1763800400000 } from "./1763800400000-create-people.js";
import { CreateApprovals1763800500000 } from "./1763800500000-create-approvals.js";
import { CreateSecrets1763800600000 } from "./1763800600000-create-secrets.js";
import { CreateIdempotency1763800700000 } from "./1763800700000-create-idempotency.js";
import { CreateCheckpoints1763900000000 } from "./1763900000000-create-checkpoints.js";
import { EraseDisclosures1764100100000 } from "./1764100100000-erase-disclosures.js";
import { CreatePolicies1764200000000 } from "./1764200000000-create-policies.js";
import { SignInByProvider1764300000000 } from "./1764300000000-sign-in-by-provider.js";
import { CreateNotices1764400000000 } from "./1764400000000-create-notices.js";
import { CreateBrake1764400100000 } from "./1764400100000-create-brake.js";
import { CreateGlass1764400200000 } from "./1764400200000-create-glass.js";
import { OneCosignatureForEachWitness1764500000000 } from "./1764500000000-one-cosignature-for-each-witness.js";
import { LocksThatNeedARight1764500100000 } from "./1764500100000-locks-that-need-a-right.js";
import { CheckFormsOfEntries1764510000000 } from "./1764510000000-check-forms-of-entries.js";
import { CreateEscrowWraps1764620000000 } from "./1764620000000-create-escrow-wraps.js";
import { RememberReminders1764620100000 } from "./1764620100000-remember-reminders.js";
import { CreateTickets1764620200000 } from "./1764620200000-create-tickets.js";
import { MarkEscrowWraps1764630000000 } from "./1764630000000-mark-escrow-wraps.js";
import { AddAccountFacts1764700000000 } from "./1764700000000-add-account-facts.js";
import { EraseAccountChanges1764700100000 } from "./1764700100000-erase-account-changes.js";
import { CreateRootAddresses1764700200000 } from "./1764700200000-create-root-addresses.js";
import { SearchAccounts1764700300000 } from "./1764700300000-search-accounts.js";
import { IndexReadableTags1764700400000 } from "./1764700400000-index-readable-tags.js";
import { RotateSecrets1764710000000 } from "./1764710000000-rotate-secrets.js";
import { CreatePosture1764730000000 } from "./1764730000000-create-posture.js";
import { DestroyKeys1764740000000 } from "./1764740000000-destroy-keys.js";
import { CreateChecklists1764760000000 } from "./1764760000000-create-checklists.js";

/** All migrations, in the order in which they run. New ones go to the end. */
export const MIGRATIONS = [
  CreateSchemas1763800000000,
  CreateAuditLog1763800100000,
  CreateDataKeys1763800200000,
  CreateAccounts1763800300000,
  CreatePeople1763800400000,
  CreateApprovals1763800500000,
  CreateSecrets1763800600000,
  CreateIdempotency1763800700000,
  CreateCheckpoints1763900000000,
  EraseDisclosures1764100100000,
  CreatePolicies1764200000000,
  SignInByProvider1764300000000,
  CreateNotices1764400000000,
  CreateBrake1764400100000,
  CreateGlass1764400200000,
  OneCosignatureForEachWitness1764500000000,
  LocksThatNeedARight1764500100000,
  CheckFormsOfEntries1764510000000,
  CreateEscrowWraps1764620000000,
  RememberReminders1764620100000,
  CreateTickets1764620200000,
  MarkEscrowWraps1764630000000,
  AddAccountFacts1764700000000,
  EraseAccountChanges1764700100000,
  CreateRootAddresses1764700200000,
  SearchAccounts1764700300000,
  IndexReadableTags1764700400000,
  RotateSecrets1764710000000,
  CreatePosture1764730000000,
  DestroyKeys1764740000000,
  CreateChecklists1764760000000,
] as const;
