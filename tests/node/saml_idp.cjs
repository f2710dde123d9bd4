// An identity provider made with samlify: node saml_idp.cjs reads one JSON line and writes one.
//
// Asked: {command: "metadata" | "answer", key, certificate, entityId, ssoUrl, spMetadata, query, encrypts, signsMessage, relayState}.
// "answer" reads and verifies our request as it came in the query, and writes the response for its ACS.
"use strict";
const samlify = require("samlify");
const validator = require("@authenio/samlify-node-xmllint");

samlify.setSchemaValidator(validator);

const RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";

// Its own template leaves out how the person signed in.
const TEMPLATE = samlify.SamlLib.defaultLoginResponseTemplate.context.replace(
  "{AuthnStatement}",
  '<saml:AuthnStatement AuthnInstant="{IssueInstant}" SessionIndex="{SessionIndex}"><saml:AuthnContext>' +
    "<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport" +
    "</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>",
);
const ATTRIBUTES = ["email", "firstName", "lastName"];

function provider({ key, certificate, entityId, ssoUrl, encrypts }) {
  return samlify.IdentityProvider({
    entityID: entityId,
    privateKey: key,
    signingCert: certificate,
    requestSignatureAlgorithm: RSA_SHA256,
    wantAuthnRequestsSigned: true,
    isAssertionEncrypted: Boolean(encrypts),
    dataEncryptionAlgorithm: "http://www.w3.org/2009/xmlenc11#aes256-gcm",
    keyEncryptionAlgorithm: "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
    singleSignOnService: [{ Binding: REDIRECT, Location: ssoUrl }],
    nameIDFormat: ["urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"],
    loginResponseTemplate: {
      context: TEMPLATE,
      attributes: ATTRIBUTES.map((name) => ({
        name,
        valueTag: name,
        nameFormat: "urn:oasis:names:tc:SAML:2.0:attrname-format:basic",
        valueXsiType: "xs:string",
      })),
    },
  });
}

async function answer(asked) {
  const idp = provider(asked);
  const sp = samlify.ServiceProvider({ metadata: asked.spMetadata });
  const query = Object.fromEntries(new URLSearchParams(asked.query));
  const octetString = asked.query.split("&Signature=")[0];
  const request = await idp.parseLoginRequest(sp, "redirect", { query, octetString });
  const now = new Date();
  const later = new Date(now.getTime() + 5 * 60 * 1000);
  const acs = sp.entityMeta.getAssertionConsumerService("post");
  const fill = (template) => {
    const id = `_${require("node:crypto").randomBytes(16).toString("hex")}`;
    const values = {
      ID: id,
      AssertionID: `${id}a`,
      Destination: acs,
      Audience: sp.entityMeta.getEntityID(),
      SubjectRecipient: acs,
      AssertionConsumerServiceURL: acs,
      EntityID: sp.entityMeta.getEntityID(),
      Issuer: idp.entityMeta.getEntityID(),
      IssueInstant: now.toISOString(),
      ConditionsNotBefore: now.toISOString(),
      ConditionsNotOnOrAfter: later.toISOString(),
      SubjectConfirmationDataNotOnOrAfter: later.toISOString(),
      NameIDFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
      NameID: "ada-1",
      InResponseTo: request.extract.request.id,
      StatusCode: "urn:oasis:names:tc:SAML:2.0:status:Success",
      SessionIndex: `${id}s`,
      attrEmail: "ada@example.com",
      attrFirstName: "Ada",
      attrLastName: "Lovelace",
    };
    return { id, context: samlify.SamlLib.replaceTagsByValue(template, values) };
  };
  const made = await idp.createLoginResponse(sp, request, "post", {}, fill, false, asked.relayState);
  return { SAMLResponse: made.context, acs: made.entityEndpoint };
}

async function main() {
  let text = "";
  for await (const chunk of process.stdin) text += chunk;
  const asked = JSON.parse(text);
  const result = asked.command === "metadata" ? { metadata: provider(asked).getMetadata() } : await answer(asked);
  process.stdout.write(JSON.stringify(result));
}

main().catch((error) => {
  process.stderr.write(`${error && error.stack ? error.stack : error}\n`);
  process.exit(1);
});
