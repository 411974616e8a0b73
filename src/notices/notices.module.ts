import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Global,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type Provider,
} from "@nestjs/common";
import { DataSource } from "typeorm";
import type { Config } from "../config/config.js";
import { CONFIG } from "../config/config.module.js";
import { HealthRegistry } from "../telemetry/health.js";
import { Log } from "../telemetry/log.service.js";
import { Metrics } from "../telemetry/metrics.js";
import { slug } from "../telemetry/site.js";
import { AlarmNotices } from "./alarm-notices.service.js";
import type { Channel } from "./channel.port.js";
import { createChannels } from "./create-channels.service.js";
import { Deliveries } from "./deliveries.service.js";
import type { MessageOrigin } from "./message.js";
import { NoticeLoops } from "./notice-loops.service.js";
import { NoticeSender, type SenderEvents } from "./notice-sender.service.js";
import { NoticeSpreader } from "./notice-spreader.service.js";
import { NoticesController } from "./notices.rest.js";
import { Pager } from "./pager.service.js";
import type { RecipientsPort } from "./recipients.port.js";

/** Token of the {@link RecipientsPort}, whose adapter stands in the module above. */
export const RECIPIENTS = Symbol("recipients");
const CHANNELS_IN_USE = Symbol("channels-in-use");

/** Telling people. Acts post with `postNotice` and know none of this. */
@Global()
@Module({})
export class NoticesModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  /** @param above the provider of {@link RECIPIENTS}; the composition root knows the module above. */
  static with(above: Provider[]): DynamicModule {
    return {
      module: NoticesModule,
      controllers: [NoticesController],
      providers: [
        ...above,
        { provide: CHANNELS_IN_USE, inject: [CONFIG], useFactory: ({ notices }: Config) => createChannels(notices) },
        {
          provide: Pager,
          inject: [CHANNELS_IN_USE, RECIPIENTS, CONFIG],
          useFactory: (channels: readonly Channel[], recipients: RecipientsPort, config: Config) =>
            new Pager(channels, recipients, originOf(config)),
        },
        { provide: Deliveries, inject: [DataSource], useFactory: (dataSource: DataSource) => new Deliveries(dataSource) },
        {
          provide: NoticeLoops,
          inject: [DataSource, CHANNELS_IN_USE, RECIPIENTS, CONFIG, Log, Metrics, HealthRegistry],
          useFactory: (
            dataSource: DataSource,
            channels: readonly Channel[],
            recipients: RecipientsPort,
            config: Config,
            log: Log,
            metrics: Metrics,
            health: HealthRegistry,
          ) => {
            const events = senderEvents(log, metrics);
            const senders = channels.map((channel) => new NoticeSender(dataSource, channel, recipients, originOf(config), events));
            const loops = new NoticeLoops(
              dataSource,
              new NoticeSpreader(dataSource, channels, recipients),
              senders,
              ({ waiting, dead }) => {
                metrics.set("rootkeep_notices_waiting", {}, waiting);
                metrics.set("rootkeep_notices_dead", {}, dead);
              },
            );
            health.watch("no-notice-channel", () => channels.length === 0);
            health.watch("notices-dead", () => loops.counts.dead > 0);
            return loops;
          },
        },
        {
          provide: AlarmNotices,
          inject: [DataSource, CHANNELS_IN_USE, CONFIG, Log],
          useFactory: (dataSource: DataSource, channels: readonly Channel[], config: Config, log: Log) => {
            const alarms = new AlarmNotices(dataSource, channels, originOf(config));
            log.watchPages((event, fields) => {
              void alarms.tell(event, fields);
            });
            return alarms;
          },
        },
      ],
      exports: [Pager],
    };
  }

  constructor(@Inject(NoticeLoops) private readonly loops: NoticeLoops) {}

  onApplicationBootstrap(): void {
    this.loops.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.loops.stop();
  }
}

function originOf({ deployment, publicUrl }: Config): MessageOrigin {
  return { deployment, publicUrl };
}

function senderEvents(log: Log, metrics: Metrics): SenderEvents {
  return {
    sent: (channel) => {
      metrics.add("rootkeep_notices_sent_total", { channel });
    },
    failed: (channel, reason, isDead) => {
      metrics.add("rootkeep_notice_failures_total", { channel });
      log.event(isDead ? "notice.dead" : "notice.failed", { channel, reason: slug(reason) });
    },
  };
}
