import { Global, Module } from "@nestjs/common";
import { Transactions } from "../audit/transactions.service.js";
import { AccountRegistry } from "./account-registry.service.js";
import { AccountsController } from "./accounts.rest.js";

@Global()
@Module({
  controllers: [AccountsController],
  providers: [
    { provide: AccountRegistry, inject: [Transactions], useFactory: (transactions: Transactions) => new AccountRegistry(transactions) },
  ],
  exports: [AccountRegistry],
})
export class AccountsModule {}
