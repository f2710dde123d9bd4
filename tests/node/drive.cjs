// Drives a running Gatehouse with the official Node SDK: node drive.cjs GENERATION BASE_URL API_KEY CLIENT_ID
//
// Each scenario is a use of the SDK as its documentation shows it; an assertion that fails ends the run non-zero.
"use strict";
const assert = require("node:assert/strict");
const crypto = require("node:crypto");

const [generation, baseUrl, apiKey, clientId] = process.argv.slice(2);
const sdk = require(generation === "7" ? "workos7" : "@workos-inc/node");
const { hostname, port } = new URL(baseUrl);
const workos = new sdk.WorkOS(apiKey, { apiHostname: hostname, port: Number(port), https: false, clientId });
const users = workos.userManagement;

const PASSWORD = "correct horse battery staple 42";
const COOKIE_PASSWORD = "a cookie password of thirty-two letters or more";
const CALLBACK = "http://localhost:3000/callback";

const word = () => crypto.randomBytes(6).toString("hex");
const newUser = (fields = {}) =>
  users.createUser({ email: `${word()}@example.com`, password: PASSWORD, emailVerified: true, ...fields });
const signIn = (user, fields = {}) =>
  users.authenticateWithPassword({ clientId, email: user.email, password: PASSWORD, ...fields });

async function refusedWith(kind, call) {
  try {
    await call();
  } catch (error) {
    const name = error.constructor.name;
    assert.ok([].concat(kind).includes(name), `${name} instead of ${kind}: ${error.message}`);
    // The older generation looks for the header under capitals, which fetch has taken away.
    assert.ok(generation === "7" || error.requestID, "an error carries the request id");
    return error;
  }
  return assert.fail(`nothing was refused; expected ${kind}`);
}

// RFC 6238 with the parameters that authenticator apps use.
function totp(secret, moment = Date.now()) {
  const bits = [...secret].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0"));
  const bytes = bits.join("").match(/.{8}/g).map((byte) => parseInt(byte, 2));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(moment / 30000)));
  const digest = crypto.createHmac("sha1", Buffer.from(bytes)).update(counter).digest();
  const offset = digest[19] & 15;
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1000000).padStart(6, "0");
}

const unescaped = (text) =>
  text.replace(/&#x([0-9a-f]+);/gi, (_, code) => String.fromCodePoint(parseInt(code, 16)))
    .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code))).replaceAll("&quot;", '"').replaceAll("&amp;", "&");
const attribute = (tag, name) => unescaped(tag.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1] ?? "");

// A browser without JavaScript at the test identity provider: it says who it is, and presses what carries answers on.
async function signInAtTheProvider(url, email) {
  const cookies = new Map();
  let form = null;
  for (let steps = 0; steps < 12; steps += 1) {
    const headers = { cookie: [...cookies].map(([k, v]) => `${k}=${v}`).join("; "), accept: "text/html" };
    const answer = await fetch(url, { method: form ? "POST" : "GET", body: form ?? undefined, headers, redirect: "manual" });
    for (const line of answer.headers.getSetCookie()) {
      const [pair] = line.split(";");
      cookies.set(pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1));
    }
    form = null;
    const page = await answer.text();
    const location = answer.headers.get("location") ?? unescaped(page.match(/http-equiv="refresh" content="0; url=([^"]+)"/)?.[1] ?? "");
    if (location) {
      url = new URL(location, url).href;
      if (url.startsWith(CALLBACK)) return new URL(url);
      continue;
    }
    assert.equal(answer.status, 200, page);
    const forms = [...page.matchAll(/<form[^>]*>[^]*?<\/form>/g)].map((found) => found[0]);
    const chosen = forms.find((text) => text.includes('name="email"')) ?? forms[0];
    url = new URL(attribute(chosen.match(/<form[^>]*>/)[0], "action") || url, url).href;
    form = new URLSearchParams();
    for (const [input] of chosen.matchAll(/<input[^>]*>/g)) form.set(attribute(input, "name"), attribute(input, "value"));
    if (form.has("email")) form.set("email", email);
  }
  return assert.fail("the pages went round in circles");
}

// A browser without JavaScript: keeps cookies, follows redirects inside the house, sends forms with their hidden fields.
async function signInOnThePages(url, email) {
  const cookies = new Map();
  let method = "GET";
  let body;
  for (let steps = 0; steps < 12; steps += 1) {
    const headers = { cookie: [...cookies].map(([k, v]) => `${k}=${v}`).join("; "), accept: "text/html" };
    const answer = await fetch(url, { method, body, headers, redirect: "manual" });
    for (const line of answer.headers.getSetCookie()) {
      const [pair] = line.split(";");
      cookies.set(pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1));
    }
    method = "GET";
    body = undefined;
    const location = answer.headers.get("location");
    if (location !== null) {
      url = new URL(location, url).href;
      if (url.startsWith(CALLBACK)) return new URL(url);
      continue;
    }
    const page = await answer.text();
    assert.equal(answer.status, 200, page);
    const finished = page.match(/http:\/\/localhost:3000\/callback[^"<]*/);
    if (finished) return new URL(finished[0].replaceAll("&amp;", "&"));
    const token = page.match(/name="csrfmiddlewaretoken" value="([^"]+)"/)[1];
    method = "POST";
    body = new URLSearchParams({ csrfmiddlewaretoken: token, email, password: PASSWORD });
  }
  return assert.fail("the pages went round in circles");
}

const scenarios = {
  async organizations() {
    const made = await workos.organizations.createOrganization({ name: `Org ${word()}`, externalId: word() });
    const read = await workos.organizations.getOrganization(made.id);
    assert.deepEqual(read, made);
    const byExternalId = await workos.organizations.getOrganizationByExternalId(made.externalId);
    assert.equal(byExternalId.id, made.id);
    const renamed = await workos.organizations.updateOrganization({ organization: made.id, name: "Renamed" });
    assert.equal(renamed.name, "Renamed");
    const listed = await workos.organizations.listOrganizations({ limit: 1 });
    const everyone = await listed.autoPagination();
    assert.ok(everyone.some((row) => row.id === made.id));
    await workos.organizations.deleteOrganization(made.id);
    await refusedWith("NotFoundException", () => workos.organizations.getOrganization(made.id));
  },

  async people() {
    const user = await newUser({ firstName: "Ada", lastName: "Lovelace", externalId: word(), metadata: { tier: "1" } });
    assert.equal((await users.getUser(user.id)).firstName, "Ada");
    assert.equal((await users.getUserByExternalId(user.externalId)).id, user.id);
    const changed = await users.updateUser({ userId: user.id, firstName: "Augusta" });
    assert.equal(changed.firstName, "Augusta");
    const found = await users.listUsers({ email: user.email });
    assert.equal(found.data.length, 1);
    await refusedWith(["UnprocessableEntityException", "BadRequestException"], () => users.createUser({ email: "nonsense" }));
    await users.deleteUser(user.id);
    await refusedWith("NotFoundException", () => users.getUser(user.id));
  },

  async passwords() {
    const user = await newUser();
    const signedIn = await signIn(user);
    assert.equal(signedIn.user.id, user.id);
    assert.equal(signedIn.authenticationMethod, "Password");
    const wrong = () => users.authenticateWithPassword({ clientId, email: user.email, password: "wrong" });
    const stranger = () => users.authenticateWithPassword({ clientId, email: `${word()}@example.com`, password: "wrong" });
    const first = await refusedWith(["GenericServerException", "BadRequestException", "AuthenticationException"], wrong);
    const second = await refusedWith([first.constructor.name], stranger);
    assert.equal(first.message, second.message);
    const refreshed = await users.authenticateWithRefreshToken({ clientId, refreshToken: signedIn.refreshToken });
    assert.notEqual(refreshed.refreshToken, signedIn.refreshToken);
    const claims = JSON.parse(Buffer.from(refreshed.accessToken.split(".")[1], "base64url"));
    assert.equal(claims.sub, user.id);
    await users.revokeSession({ sessionId: claims.sid });
    await refusedWith("OauthException", () =>
      users.authenticateWithRefreshToken({ clientId, refreshToken: refreshed.refreshToken }));
  },

  async resets() {
    const user = await newUser();
    const reset = await users.createPasswordReset({ email: user.email });
    assert.equal((await users.getPasswordReset(reset.id)).email, user.email);
    const done = await users.resetPassword({ token: reset.passwordResetToken, newPassword: `${PASSWORD} again` });
    assert.equal(done.user.id, user.id);
    const again = () => users.resetPassword({ token: reset.passwordResetToken, newPassword: `${PASSWORD} more` });
    await refusedWith(["NotFoundException", "BadRequestException"], again);
  },

  async magicAuth() {
    const made = await users.createMagicAuth({ email: `${word()}@example.com` });
    assert.equal((await users.getMagicAuth(made.id)).code, made.code);
    const signedIn = await users.authenticateWithMagicAuth({ clientId, email: made.email, code: made.code });
    assert.equal(signedIn.authenticationMethod, "MagicAuth");
    assert.equal(signedIn.user.emailVerified, true);
  },

  async mailboxes() {
    const user = await newUser({ emailVerified: false });
    const waiting = await refusedWith(["AuthenticationException", "GenericServerException"], () => signIn(user));
    const raw = waiting.rawData ?? waiting;
    const verification = await users.getEmailVerification(raw.email_verification_id);
    const signedIn = await users.authenticateWithEmailVerification({
      clientId, code: verification.code, pendingAuthenticationToken: raw.pending_authentication_token,
    });
    assert.equal(signedIn.user.emailVerified, true);
  },

  async organizationsOfAPerson() {
    const user = await newUser();
    const chosen = [];
    for (const name of ["One", "Two"]) {
      const organization = await workos.organizations.createOrganization({ name });
      chosen.push(organization.id);
      await users.createOrganizationMembership({ userId: user.id, organizationId: organization.id, roleSlug: "member" });
    }
    const waiting = await refusedWith(["AuthenticationException", "GenericServerException"], () => signIn(user));
    const raw = waiting.rawData ?? waiting;
    const signedIn = await users.authenticateWithOrganizationSelection({
      clientId, organizationId: chosen[0], pendingAuthenticationToken: raw.pending_authentication_token,
    });
    assert.equal(signedIn.organizationId, chosen[0]);
    const switched = await users.authenticateWithRefreshToken({
      clientId, refreshToken: signedIn.refreshToken, organizationId: chosen[1],
    });
    assert.equal(switched.organizationId, chosen[1]);
    const memberships = await users.listOrganizationMemberships({ userId: user.id });
    assert.equal(memberships.data.length, 2);
  },

  async authenticators() {
    const user = await newUser();
    const enrol = generation === "7" ? users.enrollAuthFactor.bind(users) : null;
    const made = enrol
      ? await enrol({ userId: user.id, type: "totp", totpIssuer: "Foo", totpUser: user.email })
      : await workos.multiFactorAuth.createUserAuthFactor({ userId: user.id, type: "totp", totpIssuer: "Foo", totpUser: user.email });
    const secret = made.authenticationFactor.totp.secret;
    const waiting = await refusedWith(["AuthenticationException", "GenericServerException"], () => signIn(user));
    const raw = waiting.rawData ?? waiting;
    const factor = raw.authentication_factors[0].id;
    const mfa = workos.multiFactorAuth ?? workos.mfa;
    const challenge = await mfa.challengeFactor({ authenticationFactorId: factor });
    const signedIn = await users.authenticateWithTotp({
      clientId, code: totp(secret), authenticationChallengeId: challenge.id,
      pendingAuthenticationToken: raw.pending_authentication_token,
    });
    assert.equal(signedIn.user.id, user.id);
  },

  async invitations() {
    const organization = await workos.organizations.createOrganization({ name: "Inviting" });
    const email = `${word()}@example.com`;
    const sent = await users.sendInvitation({ email, organizationId: organization.id, expiresInDays: 3 });
    assert.equal((await users.findInvitationByToken(sent.token)).id, sent.id);
    const user = await users.createUser({ email, password: PASSWORD, emailVerified: true });
    const signedIn = await users.authenticateWithPassword({ clientId, email, password: PASSWORD, invitationToken: sent.token });
    assert.equal(signedIn.organizationId, organization.id);
    assert.equal((await users.getInvitation(sent.id)).state, "accepted");
    assert.equal(signedIn.user.id, user.id);
    const other = await users.sendInvitation({ email: `${word()}@example.com` });
    assert.equal((await users.revokeInvitation(other.id)).state, "revoked");
  },

  async sealedSessions() {
    const user = await newUser();
    const signedIn = await signIn(user, { session: { sealSession: true, cookiePassword: COOKIE_PASSWORD } });
    assert.ok(signedIn.sealedSession);
    const session = users.loadSealedSession({ sessionData: signedIn.sealedSession, cookiePassword: COOKIE_PASSWORD });
    const opened = await session.authenticate();
    assert.equal(opened.authenticated, true, JSON.stringify(opened));
    assert.equal(opened.user.id, user.id);
    const refreshed = await session.refresh();
    assert.equal(refreshed.authenticated, true, JSON.stringify(refreshed));
    const logout = await session.getLogoutUrl();
    const left = await fetch(logout, { redirect: "manual" });
    assert.equal(left.status, 302);
    const after = users.loadSealedSession({ sessionData: refreshed.sealedSession, cookiePassword: COOKIE_PASSWORD });
    assert.equal((await after.refresh()).authenticated, false);
  },

  async hostedPages() {
    const user = await newUser();
    const url = users.getAuthorizationUrl({ provider: "authkit", clientId, redirectUri: CALLBACK, state: "st ate" });
    const back = await signInOnThePages(url, user.email);
    assert.equal(back.searchParams.get("state"), "st ate");
    const signedIn = await users.authenticateWithCode({ clientId, code: back.searchParams.get("code") });
    assert.equal(signedIn.user.id, user.id);
    const reused = await refusedWith("OauthException", () =>
      users.authenticateWithCode({ clientId, code: back.searchParams.get("code") }));
    assert.equal(reused.error, "invalid_grant");
  },

  async pkce() {
    const user = await newUser();
    const verifier = crypto.randomBytes(32).toString("base64url");
    const challenge = crypto.createHash("sha256").update(verifier).digest("base64url");
    const url = users.getAuthorizationUrl({
      provider: "authkit", clientId, redirectUri: CALLBACK, codeChallenge: challenge, codeChallengeMethod: "S256",
    });
    const back = await signInOnThePages(url, user.email);
    const code = back.searchParams.get("code");
    const signedIn = await users.authenticateWithCodeAndVerifier({ clientId, code, codeVerifier: verifier });
    assert.equal(signedIn.user.id, user.id);
  },

  async connections() {
    const domain = `${word()}.test`;
    const organization = await workos.organizations.createOrganization({
      name: `Company ${word()}`, domainData: [{ domain, state: "verified" }],
    });
    const made = [];
    for (const name of ["One", "Two"]) {
      const { data } = await workos.post("/connections", {
        organization_id: organization.id, connection_type: name === "One" ? "TestIdp" : "OktaSAML", name, external_id: name,
      });
      made.push(data.id);
    }
    const ids = async (options) => (await workos.sso.listConnections(options)).data.map((row) => row.id);
    assert.deepEqual(await ids({ organizationId: organization.id }), [made[1], made[0]]);
    assert.deepEqual(await ids({ organizationId: organization.id, order: "asc" }), made);
    assert.deepEqual(await ids({ organizationId: organization.id, connectionType: "OktaSAML" }), [made[1]]);
    assert.deepEqual(await ids({ domain }), [made[1], made[0]]);
    assert.deepEqual(await ids({ organizationId: organization.id, limit: 1, after: made[1] }), [made[0]]);
    assert.deepEqual(await ids({ organizationId: organization.id, limit: 1, before: made[0] }), [made[1]]);
    const read = await workos.sso.getConnection(made[0]);
    // The older generation calls the type otherwise.
    assert.deepEqual([read.name, read.organizationId, read.type ?? read.connectionType], ["One", organization.id, "TestIdp"]);
    const again = { organization_id: organization.id, connection_type: "OktaSAML", external_id: "One" };
    assert.equal((await workos.post("/connections", again)).data.id, made[0]);
    await refusedWith("ConflictException", () => workos.put(`/connections/${made[1]}`, { external_id: "One" }));
    const invalid = await refusedWith("UnprocessableEntityException", () =>
      workos.post("/connections", { organization_id: organization.id, connection_type: "nonsense" }));
    assert.equal(invalid.status, 422);
    await workos.sso.deleteConnection(made[1]);
    await refusedWith("NotFoundException", () => workos.sso.getConnection(made[1]));
    await refusedWith("NotFoundException", () => workos.sso.deleteConnection(made[1]));
  },

  async singleSignOn() {
    const domain = `${word()}.test`;
    const organization = await workos.organizations.createOrganization({
      name: "Signing in", domainData: [{ domain, state: "verified" }],
    });
    const { data: connection } = await workos.post("/connections", { organization_id: organization.id, connection_type: "TestIdp" });
    const email = `ada@${domain}`;
    for (const selector of [{ connection: connection.id }, { organization: organization.id }]) {
      const url = workos.sso.getAuthorizationUrl({ ...selector, clientId, redirectUri: CALLBACK, state: "st ate", loginHint: email });
      const back = await signInAtTheProvider(url, email);
      assert.equal(back.searchParams.get("state"), "st ate");
      const code = back.searchParams.get("code");
      const { profile, accessToken } = await workos.sso.getProfileAndToken({ code, clientId });
      assert.deepEqual([profile.email, profile.connectionId, profile.organizationId], [email, connection.id, organization.id]);
      assert.equal((await workos.sso.getProfile({ accessToken })).id, profile.id);
      const spent = await refusedWith("OauthException", () => workos.sso.getProfileAndToken({ code, clientId }));
      assert.equal(spent.error, "invalid_grant");
      await assert.rejects(() => workos.sso.getProfile({ accessToken }), sdk.UnauthorizedException);
    }
    const nowhere = workos.sso.getAuthorizationUrl({ provider: "GoogleOAuth", clientId, redirectUri: CALLBACK, state: "s" });
    const refused = await fetch(nowhere, { redirect: "manual" });
    assert.ok(refused.headers.get("location").startsWith(`${CALLBACK}?error=`), refused.headers.get("location"));
    const throughUsers = users.getAuthorizationUrl({ connectionId: connection.id, clientId, redirectUri: CALLBACK });
    const came = await signInAtTheProvider(throughUsers, email);
    const signedIn = await users.authenticateWithCode({ clientId, code: came.searchParams.get("code") });
    assert.deepEqual([signedIn.user.email, signedIn.organizationId, signedIn.authenticationMethod], [email, organization.id, "SSO"]);
    if (generation === "7") return;
    const started = await workos.sso.getAuthorizationUrlWithPKCE({ connection: connection.id, clientId, redirectUri: CALLBACK });
    const proven = await signInAtTheProvider(started.url, email);
    assert.equal(proven.searchParams.get("state"), started.state);
    const code = proven.searchParams.get("code");
    await refusedWith("OauthException", () => workos.sso.getProfileAndToken({ code, clientId, codeVerifier: `${started.codeVerifier}x` }));
    const again = await signInAtTheProvider(started.url, email);
    const app = new sdk.WorkOS({ apiHostname: hostname, port: Number(port), https: false, clientId });
    const found = await app.sso.getProfileAndToken({
      code: again.searchParams.get("code"), clientId, codeVerifier: started.codeVerifier,
    });
    assert.equal(found.profile.email, email);
  },

  async linksByMail() {
    const session = await workos.passwordless.createSession({
      email: `${word()}@example.com`, type: "MagicLink", state: "mine", expiresIn: 900, redirectURI: CALLBACK,
    });
    // The newer generation waits for as long as it is told to, and tries again.
    const impatient = new sdk.WorkOS(apiKey, {
      apiHostname: hostname, port: Number(port), https: false, clientId, maxRetries: 0,
    });
    const send = () => impatient.passwordless.sendSession(session.id);
    assert.equal((await send()).success, true);
    await send();
    await send();
    const limited = await refusedWith("RateLimitExceededException", send);
    assert.equal(limited.status, 429);
    assert.ok(limited.retryAfter > 0);
    const back = await signInAtTheProvider(session.link, session.email);
    assert.equal(back.searchParams.get("state"), "mine");
    const { profile } = await workos.sso.getProfileAndToken({ code: back.searchParams.get("code"), clientId });
    assert.deepEqual([profile.connectionType, profile.email], ["MagicLink", session.email]);
    await refusedWith("UnprocessableEntityException", () => workos.passwordless.sendSession("passwordless_session_nowhere"));
  },

  async strangers() {
    const stranger = new sdk.WorkOS("sk_wrong", { apiHostname: hostname, port: Number(port), https: false, clientId });
    await assert.rejects(() => stranger.organizations.listOrganizations(), sdk.UnauthorizedException);
  },

  async events() {
    const organization = await workos.organizations.createOrganization({ name: "Eventful" });
    // On PostgreSQL the stream waits for transactions that began earlier, those of other tests among them.
    const deadline = Date.now() + 60000;
    let found = false;
    while (!found && Date.now() < deadline) {
      const listed = await workos.events.listEvents({ events: ["organization.created"], limit: 100 });
      found = listed.data.some((event) => event.data.id === organization.id);
    }
    assert.ok(found);
  },
};

(async () => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    await scenario();
    console.log(`done ${name}`);
  }
})().catch((error) => {
  console.error(error, error.rawData ?? error.errors ?? "");
  process.exit(1);
});
