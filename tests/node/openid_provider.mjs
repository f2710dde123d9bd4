// An independent OpenID provider (npm: oidc-provider) for the tests: its own pages ask who signs in.
// Arguments: port, redirect URI, and the token endpoint's way of knowing the client.
import { Provider } from "oidc-provider";

const [port, redirectURI, authMethod] = process.argv.slice(2);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "gatehouse",
      client_secret: "a secret of the tests: with a colon",
      redirect_uris: [redirectURI],
      post_logout_redirect_uris: ["http://localhost:3000/bye"],
      response_types: ["code"],
      grant_types: ["authorization_code"],
      token_endpoint_auth_method: authMethod,
    },
  ],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "given_name", "family_name", "groups"] },
  pkce: { required: () => true },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      email: `${id}@acme.test`,
      email_verified: true,
      name: "Ada Lovelace",
      given_name: "Ada",
      family_name: "Lovelace",
      groups: ["Engineering"],
    }),
  }),
});

provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
