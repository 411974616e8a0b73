import { Global, Module } from "@nestjs/common";
import { Transactions } from "../audit/transactions.service.js";
import { type Config } from "../config/config.js";
import { CONFIG } from "../config/config.module.js";
import { RecordsKey } from "../keys/records.js";
import { AccountRegistry } from "./account-registry.service.js";
import { AccountsController } from "./accounts.rest.js";
import { RootAddresses } from "./root-addresses.service.js";

@Global()
@Module({
  controllers: [AccountsController],
  providers: [
    { provide: AccountRegistry, inject: [Transactions], useFactory: (transactions: Transactions) => new AccountRegistry(transactions) },
    {
      provide: RootAddresses,
      inject: [Transactions, RecordsKey, CONFIG],
      useFactory: (transactions: Transactions, records: RecordsKey, config: Config) =>
        new RootAddresses(transactions, records, config.rootMail),
    },
  ],
  exports: [AccountRegistry, RootAddresses],
})
export class AccountsModule {}
