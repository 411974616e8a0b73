// A small application behind the real edge: real Fastify, real guards, pipes, filter and interceptors; only what lies behind the edge's
// ports is a few lines of memory. Operations that the given controllers do not answer get a route of their own, `POST /x/<operation>`.
import { createHmac } from "node:crypto";
import { Controller, HttpCode, Module, Post, type Type } from "@nestjs/common";
import type { NestFastifyApplication } from "@nestjs/platform-fastify";
import { DataSource } from "typeorm";
import type { EntryDraft } from "../../src/audit/entry.js";
import { createDataSource } from "../../src/database/data-source.service.js";
import { EdgeModule } from "../../src/edge/edge.module.js";
import { BodyHash, FoundingState, RefusalLog, TokenSource } from "../../src/edge/edge.port.js";
import type { BucketSettings } from "../../src/edge/rate-limit.js";
import { createHttpApp } from "../../src/edge/server.js";
import { RootkeepError } from "../../src/kernel/errors.js";
import { newId } from "../../src/kernel/ids.js";
import { OPERATION_NAMES, type Operation as OperationName, type Role } from "../../src/kernel/operations.js";
import type { SignedIn } from "../../src/people/sessions.service.js";
import { HealthRegistry } from "../../src/telemetry/health.js";
import { Log } from "../../src/telemetry/log.service.js";
import { Metrics } from "../../src/telemetry/metrics.js";
import { OPERATION_KEY, Operation } from "../../src/wire/operation.decorator.js";

export interface EdgeAppOptions {
  readonly controllers?: readonly Type[];
  /** Initialised, where idempotency keys are used. */
  readonly dataSource?: DataSource;
  readonly isFounded?: boolean;
  readonly isLoopback?: boolean;
  readonly rateLimit?: BucketSettings;
}

export interface EdgeApp {
  readonly app: NestFastifyApplication;
  /** Makes a session; the token is good until the application ends. */
  signIn(...roles: Role[]): { readonly token: string; readonly personId: string };
  /** Entries that were recorded; `failLog` makes the next ones fail. */
  readonly entries: EntryDraft[];
  failLog(): void;
  /** Tokens that the guard has asked about. */
  readonly asked: readonly string[];
  /** Lines of the operators' log. */
  readonly lines: string[];
  readonly metrics: Metrics;
  close(): Promise<void>;
}

/** The application, listening nowhere: supertest opens a port for each call. */
export async function edgeApp(options: EdgeAppOptions = {}): Promise<EdgeApp> {
  const sessions = new Map<string, SignedIn>();
  const entries: EntryDraft[] = [];
  const lines: string[] = [];
  const asked: string[] = [];
  const metrics = new Metrics();
  const own = options.dataSource ?? idleDataSource();
  let isLogDown = false;

  @Module({
    providers: [
      { provide: Log, useValue: new Log({ write: (line) => lines.push(line) }) },
      { provide: Metrics, useValue: metrics },
      { provide: HealthRegistry, useValue: new HealthRegistry() },
      { provide: DataSource, useValue: own },
    ],
    exports: [Log, Metrics, HealthRegistry, DataSource],
  })
  class Behind {}

  const record = (draft: EntryDraft): Promise<void> => {
    if (isLogDown) return Promise.reject(new RootkeepError("AUDIT_UNAVAILABLE"));
    entries.push(draft);
    return Promise.resolve();
  };
  const authenticate = (token: string): Promise<SignedIn> => {
    asked.push(token);
    const signedIn = sessions.get(token);
    return signedIn === undefined ? Promise.reject(new RootkeepError("UNAUTHENTICATED")) : Promise.resolve(signedIn);
  };
  const controllers = options.controllers ?? [];
  @Module({
    imports: [
      Behind,
      EdgeModule.register({
        imports: [Behind],
        version: "0.0.0",
        ...(options.rateLimit === undefined ? {} : { rateLimit: options.rateLimit }),
        ports: [
          { provide: TokenSource, useValue: { authenticate, assertStandsAtProvider: () => Promise.resolve() } satisfies TokenSource },
          { provide: FoundingState, useValue: { isFounded: () => Promise.resolve(options.isFounded ?? true) } satisfies FoundingState },
          { provide: BodyHash, useValue: { bodyHash: (body) => createHmac("sha256", "test").update(body).digest() } satisfies BodyHash },
          { provide: RefusalLog, useValue: { record } satisfies RefusalLog },
        ],
      }),
    ],
    controllers: [...controllers, controllerOfTheRest(controllers)],
  })
  class App {}

  const app = await createHttpApp(App, { listen: { host: "127.0.0.1", port: 0, isLoopback: options.isLoopback ?? true } });
  return {
    app,
    signIn(...roles) {
      const signedIn = { personId: newId("person"), sessionId: newId("session"), roles };
      const token = `rks_${String(sessions.size)}_${signedIn.sessionId}`;
      sessions.set(token, signedIn);
      return { token, personId: signedIn.personId };
    },
    entries,
    failLog: () => {
      isLogDown = true;
    },
    asked,
    lines,
    metrics,
    close: () => app.close(),
  };
}

/** The path of an operation that no given controller answers. */
export function restPath(operation: OperationName): string {
  return `/x/${operation}`;
}

/** Gives each class method its decorators, as if it had been written with them. */
export function decorateMethod(type: Type, name: string, ...decorators: readonly MethodDecorator[]): void {
  const prototype = type.prototype as object;
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
  if (descriptor === undefined) throw new Error(`no method ${name}`);
  for (const decorate of decorators) decorate(prototype, name, descriptor);
}

function controllerOfTheRest(controllers: readonly Type[]): Type {
  const answered = new Set<unknown>(
    controllers.flatMap((type) =>
      Object.values(Object.getOwnPropertyDescriptors(type.prototype as object)).map(({ value }) =>
        typeof value === "function" ? (Reflect.getMetadata(OPERATION_KEY, value as object) as unknown) : undefined,
      ),
    ),
  );
  @Controller()
  class Rest {}
  for (const operation of OPERATION_NAMES) {
    if (operation.startsWith("sys.") || answered.has(operation)) continue;
    Object.defineProperty(Rest.prototype, operation, { value: () => ({ passed: operation }), configurable: true, writable: true });
    decorateMethod(Rest, operation, Post(restPath(operation)), HttpCode(200), Operation(operation));
  }
  return Rest;
}

/** A data source that was never opened: whatever asks it fails, which is what tests without keys want. */
function idleDataSource(): DataSource {
  return createDataSource({ host: "127.0.0.1", port: 1, database: "none", user: "none" }, { entities: [], poolSize: 1 });
}
