import { type DynamicModule, Global, Inject, Module, type OnApplicationShutdown } from "@nestjs/common";
import { DataSource } from "typeorm";
import { RootkeepError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";
import { HealthRegistry } from "../telemetry/health.js";
import type { PgConnection } from "./connection.js";
import { createDataSource } from "./data-source.service.js";

/** Injection token of the service role's {@link PgConnection}. */
export const SERVICE_CONNECTION = Symbol("service-connection");

export interface DatabaseModuleOptions {
  readonly connection: PgConnection;
  /** Entity classes of all modules; the composition root knows them. */
  readonly entities: readonly (new () => object)[];
  readonly poolSize: number;
}

/** The service's pool. Writing goes through the transaction runner of `audit/transactions.service.ts`. */
@Global()
@Module({})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  static of({ connection, entities, poolSize }: DatabaseModuleOptions): DynamicModule {
    return {
      module: DatabaseModule,
      providers: [
        { provide: SERVICE_CONNECTION, useValue: connection },
        {
          provide: DataSource,
          inject: [HealthRegistry],
          useFactory: async (health: HealthRegistry) => {
            const dataSource = await createDataSource(connection, { entities: [...entities], poolSize }).initialize();
            health.register("database", async () => {
              await dataSource.query("SELECT 1");
            });
            health.register("clock", () => assertClocksAgree(dataSource));
            return dataSource;
          },
        },
      ],
      exports: [SERVICE_CONNECTION, DataSource],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.dataSource.destroy();
  }
}

/** Design §5: one clock decides, the database's; openings stop when the service's own differs by more than two seconds. */
async function assertClocksAgree(dataSource: DataSource): Promise<void> {
  const rows: { now: Date }[] = await dataSource.query("SELECT clock_timestamp() AS now");
  const skew = Math.abs(Date.now() - (rows[0]?.now.getTime() ?? 0));
  if (skew > LIMITS.clockSkewMsMax) throw new RootkeepError("CLOCK_SKEW");
}
