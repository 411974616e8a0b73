import { type DynamicModule, Module, type Provider } from "@nestjs/common";
import { AuditLog } from "../audit/audit-log.service.js";
import { Transactions } from "../audit/transactions.service.js";
import { StepUp } from "../people/step-up.service.js";
import { ChecklistViews } from "./checklist-view.service.js";
import { ChecklistsController } from "./checklists.rest.js";
import { Checklists } from "./checklists.service.js";
import { DESTRUCTION_EVIDENCE } from "./destruction-evidence.service.js";
import { entryEvidence } from "./entry-evidence.service.js";
import type { EvidenceSource } from "./evidence.port.js";
import type { Ageing } from "./open-checklist.service.js";
import { POSTURE_EVIDENCE } from "./posture-evidence.service.js";
import { ROTATION_EVIDENCE } from "./rotation-evidence.service.js";

/** Token of what tells whether evidence holds: the composition root makes it once, for the guarded acts as well. */
export const AGEING = Symbol("ageing");

const BESIDE: readonly EvidenceSource[] = [ROTATION_EVIDENCE, POSTURE_EVIDENCE, DESTRUCTION_EVIDENCE];

/** The log's own evidence, and what the modules beside vouch for. */
export function ageingOf(log: AuditLog, sources: readonly EvidenceSource[] = BESIDE): Ageing {
  return { sources: [entryEvidence(log), ...sources], log };
}

@Module({})
export class LifecycleModule {
  /** @param beside provider of {@link AGEING}. */
  static with(beside: Provider[]): DynamicModule {
    return {
      module: LifecycleModule,
      controllers: [ChecklistsController],
      providers: [
        ...beside,
        {
          provide: Checklists,
          inject: [Transactions, StepUp, AGEING],
          useFactory: (transactions: Transactions, stepUp: StepUp, ageing: Ageing) => new Checklists(transactions, stepUp, ageing),
        },
        {
          provide: ChecklistViews,
          inject: [Transactions, AGEING],
          useFactory: (transactions: Transactions, ageing: Ageing) => new ChecklistViews(transactions, ageing),
        },
      ],
    };
  }
}
