import { Body, Controller, HttpCode, Ip, Post } from "@nestjs/common";
import { ApiConsumes, ApiCreatedResponse, ApiNoContentResponse, ApiTags } from "@nestjs/swagger";
import { Operation } from "../wire/operation.decorator.js";
import { BackChannelLogout } from "./back-channel-logout.service.js";
import { IdentityForm, LinkedReply, LoginCompletionForm, LoginForm, LoginReply, LogoutForm } from "./oidc.dto.js";
import { OidcSignIn } from "./oidc-sign-in.service.js";
import { NewSessionReply } from "./sessions.dto.js";

/** Signing in at the company's OpenID Connect provider. */
@ApiTags("sessions")
@Controller("v1/oidc")
export class OidcController {
  constructor(
    private readonly signIn: OidcSignIn,
    private readonly logouts: BackChannelLogout,
  ) {}

  @Post("logins")
  @Operation("login.begin")
  @ApiCreatedResponse({ type: LoginReply, description: "Begun; send the person to the address." })
  async begin(@Body() { purpose }: LoginForm): Promise<LoginReply> {
    const { expiresAt, ...begun } = await this.signIn.begin(purpose);
    return { ...begun, expiresAt: expiresAt.toISOString() };
  }

  @Post("sessions")
  @Operation("login.complete")
  @ApiCreatedResponse({ type: NewSessionReply, description: "Signed in; the token is shown this once." })
  async complete(@Body() form: LoginCompletionForm, @Ip() address: string): Promise<NewSessionReply> {
    const { loginToken, response, code } = form;
    const { expiresAt, ...session } = await this.signIn.complete({ loginToken, response }, code, address);
    return { ...session, expiresAt: expiresAt.toISOString() };
  }

  @Post("identities")
  @Operation("identity.accept")
  @ApiCreatedResponse({ type: LinkedReply, description: "Linked; earlier sessions and grants have ended." })
  async link(@Body() form: IdentityForm, @Ip() address: string): Promise<LinkedReply> {
    const { loginToken, response, ...rest } = form;
    const { usableFrom, ...linked } = await this.signIn.link({ loginToken, response }, { ...rest, address });
    return { ...linked, usableFrom: usableFrom.toISOString() };
  }

  @Post("logout")
  @HttpCode(204)
  @Operation("session.logout")
  @ApiConsumes("application/x-www-form-urlencoded")
  @ApiNoContentResponse({ description: "Done, whether or not anybody was signed in by it." })
  async logout(@Body() form: LogoutForm): Promise<void> {
    await this.logouts.logout(form.logout_token);
  }
}
