// An identity provider made with samlify, as browsers meet it: node saml_provider.cjs JSON
//
// JSON: {port, key, certificate, entityId, ssoUrl, spMetadataUrl, byPost, encrypts, user, password, page}; `page` asks
// who is there, and has {request} and {complaint} in it. It fetches the service provider's metadata at the first request.
"use strict";
const http = require("node:http");
const samlify = require("samlify");
const { provider, read, refuse, respond } = require("./saml_idp.cjs");

// Schemas are what saml_idp.cjs is for: the validator takes ten seconds to start.
samlify.setSchemaValidator({ validate: async () => "not asked" });

const told = JSON.parse(process.argv[2]);
const waiting = new Map();
const escaped = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const asking = (request, complaint = "") =>
  told.page.replace("{request}", escaped(request)).replace("{complaint}", escaped(complaint));

async function ask(message) {
  told.spMetadata ??= await (await fetch(told.spMetadataUrl)).text();
  const read_ = await read({ ...told, ...message });
  const id = read_.request.extract.request.id;
  const fields = message.form ?? Object.fromEntries(new URLSearchParams(message.query));
  waiting.set(id, { ...read_, relayState: fields.RelayState });
  return asking(id);
}

async function answer(form) {
  const known = waiting.get(form.request);
  if (!form.cancel && (form.user !== told.user || form.password !== told.password)) {
    return asking(form.request, "This is not your password.");
  }
  const { SAMLResponse, acs } = form.cancel ? refuse(known) : await respond(known, known.relayState);
  return (
    `<!doctype html><html lang="en"><title>samlify</title><form method="post" action="${escaped(acs)}">` +
    `<input type="hidden" name="SAMLResponse" value="${SAMLResponse}">` +
    `<input type="hidden" name="RelayState" value="${escaped(known.relayState)}"><button>Continue</button></form>` +
    "<script>document.forms[0].submit()</script>"
  );
}

async function page(request) {
  const { pathname, search } = new URL(request.url, told.ssoUrl);
  if (pathname === "/metadata") return provider(told).getMetadata();
  if (request.method === "GET" && pathname === "/sso") return ask({ query: search.slice(1) });
  if (request.method !== "POST") return null;
  let text = "";
  for await (const chunk of request) text += chunk;
  const form = Object.fromEntries(new URLSearchParams(text));
  return pathname === "/login" ? answer(form) : ask({ form });
}

http
  .createServer(async (request, response) => {
    const send = (status, kind, text) => response.writeHead(status, { "Content-Type": kind }).end(text);
    try {
      const text = await page(request);
      if (text === null) send(404, "text/plain", "There is nothing here.");
      else send(200, text.includes("<html") ? "text/html; charset=utf-8" : "application/samlmetadata+xml", text);
    } catch (error) {
      send(400, "text/plain", `The request is refused: ${error.message ?? error}`);
    }
  })
  .listen(told.port, "127.0.0.1", () => console.log("ready"));
