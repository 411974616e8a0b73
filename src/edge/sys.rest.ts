import { Controller, Get, Res } from "@nestjs/common";
import { ApiOkResponse, ApiServiceUnavailableResponse, ApiTags } from "@nestjs/swagger";
import type { FastifyReply } from "fastify";
import { SYSTEM_CLOCK } from "../kernel/clock.js";
import { HealthRegistry } from "../telemetry/health.js";
import { Metrics } from "../telemetry/metrics.js";
import { Operation } from "../wire/operation.decorator.js";
import { ApiDocument } from "./api-document.js";
import { BuildFacts, FoundingState } from "./edge.port.js";
import { HealthReply, LiveReply, ReadyReply } from "./sys.dto.js";

/** Probes, and the description of the API. */
@ApiTags("sys")
@Controller()
export class SysController {
  constructor(
    private readonly health: HealthRegistry,
    private readonly founding: FoundingState,
    private readonly build: BuildFacts,
    private readonly document: ApiDocument,
    private readonly metrics: Metrics,
  ) {}

  @Get("livez")
  @Operation("sys.live")
  @ApiOkResponse({ type: LiveReply, description: "The process runs." })
  live(): LiveReply {
    return { status: "ok" };
  }

  @Get("readyz")
  @Operation("sys.ready")
  @ApiOkResponse({ type: ReadyReply, description: "Everything that the service needs answers." })
  @ApiServiceUnavailableResponse({ type: ReadyReply, description: "Something does not; `checks` says what." })
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<ReadyReply> {
    const report = await this.health.report();
    void reply.code(report.isReady ? 200 : 503);
    return { ...report, alerts: this.health.alerts() };
  }

  @Get("v1/sys/health")
  @Operation("sys.health")
  @ApiOkResponse({ type: HealthReply, description: "What the service says about itself." })
  async facts(): Promise<HealthReply> {
    return {
      initialized: true,
      founded: await this.founding.isFounded(),
      sealed: false,
      version: this.build.version,
      serverTime: SYSTEM_CLOCK.now().toISOString(),
      alerts: this.health.alerts(),
    };
  }

  @Get("metrics")
  @Operation("sys.metrics")
  @ApiOkResponse({
    description: "Prometheus text format; labels are from closed lists.",
    content: { "text/plain": { schema: { type: "string" } } },
  })
  prometheus(@Res({ passthrough: true }) reply: FastifyReply): string {
    void reply.type("text/plain; version=0.0.4; charset=utf-8");
    return this.metrics.render();
  }

  @Get("openapi.json")
  @Operation("sys.openapi")
  @ApiOkResponse({ description: "This description.", content: { "application/json": { schema: { type: "object" } } } })
  openapi(@Res({ passthrough: true }) reply: FastifyReply): string {
    void reply.type("application/json; charset=utf-8");
    return this.document.text;
  }
}
