import { type DynamicModule, Module, type ModuleMetadata } from "@nestjs/common";
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from "@nestjs/core";
import { AuditLog } from "../audit/audit-log.service.js";
import { RecordsKey } from "../keys/records.js";
import { Founding } from "../people/founding.service.js";
import { Sessions } from "../people/sessions.service.js";
import { ApiDocument } from "./api-document.js";
import { BearerStrategy } from "./bearer-strategy.service.js";
import { BodyHash, BuildFacts, FoundingState, RefusalLog, TokenSource } from "./edge.port.js";
import { ErrorFilter } from "./error.filter.js";
import { IdempotencyInterceptor } from "./idempotency.interceptor.js";
import { IdempotencyRecords } from "./idempotency.repository.js";
import { IdempotencySweeper } from "./idempotency-sweeper.service.js";
import { OperationGuard } from "./operation.guard.js";
import { RateLimitGuard } from "./rate-limit.guard.js";
import { type BucketSettings, TokenBuckets } from "./rate-limit.js";
import { RefusalInterceptor } from "./refusal.interceptor.js";
import { Refusals } from "./refusals.service.js";
import { SysController } from "./sys.rest.js";
import { FormPipe } from "./validation.pipe.js";

/** What stands behind the edge: the modules that export its ports' parts, the version of the build, and how fast outsiders may ask. */
export interface EdgeOptions {
  /**
   * Modules that export `Log`, `HealthRegistry` and `DataSource`, and `Sessions`, `Founding`, `RecordsKey` and `AuditLog` unless `ports`
   * adapts the ports otherwise.
   */
  readonly imports: NonNullable<ModuleMetadata["imports"]>;
  readonly version: string;
  readonly rateLimit?: BucketSettings;
  readonly ports?: NonNullable<ModuleMetadata["providers"]>;
}

/** A whole team behind one address can sign in at the start of a shift; guessing stays slow, and is counted per person besides. */
const RATE_LIMIT: BucketSettings = { burst: 120, perSecond: 2, addressesMax: 10_000 };

const PORTS: NonNullable<ModuleMetadata["providers"]> = [
  { provide: TokenSource, useExisting: Sessions },
  { provide: FoundingState, useExisting: Founding },
  { provide: BodyHash, useExisting: RecordsKey },
  { provide: RefusalLog, useExisting: AuditLog },
];

/**
 * Everything that stands between the network and the controllers. The order matters: first the rate, then who asks for which operation;
 * then refusals are wrapped around idempotency, so that a repeat that is refused is told as well; forms are read last, just before the
 * controller.
 */
@Module({})
export class EdgeModule {
  static register(options: EdgeOptions): DynamicModule {
    const { imports, version, rateLimit = RATE_LIMIT, ports = PORTS } = options;
    return {
      module: EdgeModule,
      imports,
      controllers: [SysController],
      providers: [
        ...ports,
        { provide: BuildFacts, useValue: Object.freeze({ version }) },
        { provide: TokenBuckets, useValue: new TokenBuckets(rateLimit) },
        ApiDocument,
        BearerStrategy,
        Refusals,
        IdempotencyRecords,
        IdempotencySweeper,
        { provide: APP_GUARD, useClass: RateLimitGuard },
        { provide: APP_GUARD, useClass: OperationGuard },
        { provide: APP_INTERCEPTOR, useClass: RefusalInterceptor },
        { provide: APP_INTERCEPTOR, useClass: IdempotencyInterceptor },
        { provide: APP_PIPE, useClass: FormPipe },
        { provide: APP_FILTER, useClass: ErrorFilter },
      ],
      exports: [ApiDocument, IdempotencyRecords],
    };
  }
}
