// An identity provider made with samlify: node saml_idp.cjs reads one JSON line and writes one.
//
// Asked: {command: "metadata" | "answer", key, certificate, entityId, ssoUrl, spMetadata, query, encrypts, signsMessage, relayState}.
// "answer" reads and verifies our request as it came in the query, and writes the response for its ACS.
"use strict";
const samlify = require("samlify");

const RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
const POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

// Its own template leaves out how the person signed in.
const TEMPLATE = samlify.SamlLib.defaultLoginResponseTemplate.context.replace(
  "{AuthnStatement}",
  '<saml:AuthnStatement AuthnInstant="{IssueInstant}" SessionIndex="{SessionIndex}"><saml:AuthnContext>' +
    "<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport" +
    "</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>",
);
const ATTRIBUTES = ["email", "firstName", "lastName"];

function provider({ key, certificate, entityId, ssoUrl, encrypts, byPost }) {
  return samlify.IdentityProvider({
    entityID: entityId,
    privateKey: key,
    signingCert: certificate,
    requestSignatureAlgorithm: RSA_SHA256,
    wantAuthnRequestsSigned: true,
    isAssertionEncrypted: Boolean(encrypts),
    dataEncryptionAlgorithm: "http://www.w3.org/2009/xmlenc11#aes256-gcm",
    keyEncryptionAlgorithm: "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
    singleSignOnService: [{ Binding: byPost ? POST : REDIRECT, Location: ssoUrl }],
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

// Reads a request as it came, verifies its signature, and returns it with the parties.
async function read({ query, form, ...asked }) {
  const idp = provider(asked);
  const sp = samlify.ServiceProvider({ metadata: asked.spMetadata });
  const request = form
    ? await idp.parseLoginRequest(sp, "post", { body: form })
    : await idp.parseLoginRequest(sp, "redirect", {
        query: Object.fromEntries(new URLSearchParams(query)),
        octetString: query.split("&Signature=")[0],
      });
  return { idp, sp, request };
}

async function respond({ idp, sp, request }, relayState) {
  const now = new Date();
  const later = new Date(now.getTime() + 5 * 60 * 1000);
  const acs = sp.entityMeta.getAssertionConsumerService("post");
  const fill = (template) => {
    const id = newId();
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
  const made = await idp.createLoginResponse(sp, request, "post", {}, fill, false, relayState);
  return { SAMLResponse: made.context, acs: made.entityEndpoint };
}

// What it sends about a person who turned back: a status and no assertion, for which samlify has no template.
function refuse({ idp, sp, request }) {
  const acs = sp.entityMeta.getAssertionConsumerService("post");
  const status = "urn:oasis:names:tc:SAML:2.0:status:";
  const document =
    `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"` +
    ` ID="${newId()}" Version="2.0" IssueInstant="${new Date().toISOString()}" Destination="${acs}"` +
    ` InResponseTo="${request.extract.request.id}"><saml:Issuer>${idp.entityMeta.getEntityID()}</saml:Issuer>` +
    `<samlp:Status><samlp:StatusCode Value="${status}Responder"><samlp:StatusCode Value="${status}AuthnFailed"/>` +
    `</samlp:StatusCode><samlp:StatusMessage>The person turned back.</samlp:StatusMessage></samlp:Status></samlp:Response>`;
  return { SAMLResponse: Buffer.from(document).toString("base64"), acs };
}

const newId = () => `_${require("node:crypto").randomBytes(16).toString("hex")}`;

async function main() {
  let text = "";
  for await (const chunk of process.stdin) text += chunk;
  const asked = JSON.parse(text);
  const result = asked.command === "metadata" ? { metadata: provider(asked).getMetadata() } : await respond(await read(asked), asked.relayState);
  process.stdout.write(JSON.stringify(result));
}

module.exports = { provider, read, respond, refuse };

if (require.main === module) {
  samlify.setSchemaValidator(require("@authenio/samlify-node-xmllint"));
  main().catch((error) => {
    process.stderr.write(`${error && error.stack ? error.stack : error}\n`);
    process.exit(1);
  });
}
