import { type DynamicModule, Global, Module } from "@nestjs/common";
import { HealthRegistry } from "./health.js";
import { Log } from "./log.service.js";
import { Metrics } from "./metrics.js";

@Global()
@Module({})
export class TelemetryModule {
  static of(log: Log): DynamicModule {
    const providers = [
      { provide: Log, useValue: log },
      { provide: Metrics, useValue: new Metrics() },
      { provide: HealthRegistry, useValue: new HealthRegistry() },
    ];
    return { module: TelemetryModule, providers, exports: [Log, Metrics, HealthRegistry] };
  }
}
