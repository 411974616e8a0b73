// The whole application, as main.ts builds it, over a test database and HTTP on loopback, in this process.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NestFastifyApplication } from "@nestjs/platform-fastify";
import supertest from "supertest";
import { MIGRATIONS } from "../../migrations/index.js";
import { AppModule } from "../../src/app.module.js";
import type { Config } from "../../src/config/config.js";
import { parseConfig } from "../../src/config/parse-config.js";
import { type DeclaredRoute, declaredRoutes } from "../../src/edge/route-check.js";
import { createHttpApp, stopHttpApp } from "../../src/edge/server.js";
import { Founding } from "../../src/people/founding.service.js";
import { type RunningSigner, startSigner } from "../../src/signer.js";
import { Log } from "../../src/telemetry/log.service.js";
import { type Crew, found } from "./crew.js";
import { createTestDatabase, type TestDatabase } from "./postgres.js";

export interface RestApp {
  readonly address: string;
  readonly database: TestDatabase;
  readonly config: Config;
  /** Calls that go through the network. */
  readonly http: ReturnType<typeof supertest>;
  /** Lines of the operators' log. */
  readonly lines: string[];
  /** A provider of the application, to set up what no call over HTTP sets up quickly. */
  part<T>(type: abstract new (...parts: never[]) => T): T;
  /** Routes as the controllers declare them. */
  routes(): readonly DeclaredRoute[];
  /** Founds the deployment with three custodians. */
  found(): Promise<Crew>;
  /** Stops application and signer; database and files stay until {@link RestApp.close}. */
  stop(): Promise<void>;
  /** Starts them again over the same database. @returns the new address. */
  restart(): Promise<string>;
  close(): Promise<void>;
}

/** Starts the application; nothing is founded yet. Time steps are one second, and an authenticator counts at once. */
export async function startRestApp(environment: Readonly<Record<string, string>> = {}): Promise<RestApp> {
  const directory = await mkdtemp(join(tmpdir(), "rootkeep-rest-"));
  const database = await createTestDatabase({ migrations: MIGRATIONS });
  const lines: string[] = [];
  let app: NestFastifyApplication | undefined;
  let signer: RunningSigner | undefined;
  const stop = async (): Promise<void> => {
    const [running, signing] = [app, signer];
    [app, signer] = [undefined, undefined];
    if (running !== undefined) await stopHttpApp(running);
    await signing?.stop();
  };
  const close = async (): Promise<void> => {
    await stop();
    await database.drop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const config = parseConfig(
      {
        ROOTKEEP_DATA_DIR: directory,
        ROOTKEEP_FOUNDING_CUSTODIANS: "3",
        ROOTKEEP_TRIAL_TOTP_PERIOD_SECONDS: "1",
        ROOTKEEP_TRIAL_AUTHENTICATOR_WAIT_SECONDS: "0",
        ...environment,
      },
      { cwd: directory },
    );
    const log = new Log({ write: (line) => lines.push(line) });
    const { rootkeep_service: service, rootkeep_signer: signing } = database.connections;
    const launch = async (): Promise<{ started: NestFastifyApplication; address: string }> => {
      signer = await startSigner(config, signing, log);
      const started = await createHttpApp(AppModule.of(config, service, log, signer.verifierKey), config);
      app = started;
      await started.listen(0, "127.0.0.1");
      const bound = started.getHttpServer().address();
      return { started, address: `http://127.0.0.1:${String(typeof bound === "object" ? bound?.port : 0)}` };
    };
    const { started, address } = await launch();
    return {
      address,
      database,
      config,
      lines,
      stop,
      close,
      restart: async () => {
        await stop();
        return (await launch()).address;
      },
      http: supertest(address),
      part: (type) => started.get(type, { strict: false }),
      routes: () => declaredRoutes(started),
      found: () => found(address, started.get(Founding).invite(new Date())),
    };
  } catch (error) {
    await close();
    throw error;
  }
}
