// Passkeys (WebAuthn): asks the server for a question, the browser for an answer, and sends that as a form.
// Without this file, or without passkeys in the browser, the pages say what to do instead.
"use strict";

// Whoever signs in by password is offered a passkey for the next time, if this device can make one.
(async () => {
  const told = document.querySelector("input[name=makes_passkeys]");
  if (!told || !window.PublicKeyCredential) return;
  try {
    if (await PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable()) told.value = "1";
  } catch {
    // A browser that cannot say cannot make one either.
  }
})();

(() => {
  const form = document.querySelector("form[data-passkey]");
  if (!form) return;
  const start = form.querySelector("[data-start]");
  const wrong = form.querySelector("[data-wrong]");
  const isSignIn = form.dataset.passkey === "sign-in";
  // A question is good for five minutes; a page that stays open asks anew before.
  const RENEWAL_MILLISECONDS = 4 * 60 * 1000;
  let waiting = null;
  let renewal = 0;

  if (!window.PublicKeyCredential || !navigator.credentials) return;
  for (const hint of document.querySelectorAll("[data-without-passkeys]")) hint.hidden = true;
  for (const part of document.querySelectorAll("[data-with-passkeys]")) part.hidden = false;
  start.hidden = false;

  const toBytes = (text) => {
    const base64 = text.replaceAll("-", "+").replaceAll("_", "/");
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  };
  const toText = (buffer) => {
    let binary = "";
    for (const byte of new Uint8Array(buffer)) binary += String.fromCharCode(byte);
    return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  };
  const withBytes = (credentials) => (credentials || []).map((one) => ({ ...one, id: toBytes(one.id) }));

  const askServer = async () => {
    const response = await fetch(form.dataset.options, {
      method: "POST",
      headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value, Accept: "application/json" },
      credentials: "same-origin",
    });
    if (!response.ok) throw new Error("no question");
    const options = await response.json();
    options.challenge = toBytes(options.challenge);
    if (options.user) options.user.id = toBytes(options.user.id);
    if (options.excludeCredentials) options.excludeCredentials = withBytes(options.excludeCredentials);
    if (options.allowCredentials) options.allowCredentials = withBytes(options.allowCredentials);
    return options;
  };

  const asJson = (credential) => {
    const response = credential.response;
    const answer = { clientDataJSON: toText(response.clientDataJSON) };
    if (isSignIn) {
      answer.authenticatorData = toText(response.authenticatorData);
      answer.signature = toText(response.signature);
      if (response.userHandle) answer.userHandle = toText(response.userHandle);
    } else {
      answer.attestationObject = toText(response.attestationObject);
      answer.transports = response.getTransports ? response.getTransports() : [];
    }
    return JSON.stringify({
      id: credential.id,
      rawId: toText(credential.rawId),
      type: credential.type,
      response: answer,
    });
  };

  const send = (credential) => {
    form.elements.answer.value = asJson(credential);
    form.submit();
  };

  const say = (error) => {
    const words = {
      NotAllowedError: form.dataset.cancelled,
      InvalidStateError: form.dataset.exists,
      SecurityError: form.dataset.unsupported,
      NotSupportedError: form.dataset.unsupported,
    };
    wrong.textContent = words[error.name] || form.dataset.failed;
    wrong.hidden = false;
  };

  const stopWaiting = () => {
    window.clearTimeout(renewal);
    if (waiting) waiting.abort();
    waiting = null;
  };

  // What the browser knows is offered among what it fills into the field for the address.
  const offerInField = async () => {
    stopWaiting();
    const mine = new AbortController();
    waiting = mine;
    try {
      const publicKey = await askServer();
      if (mine.signal.aborted) return;
      renewal = window.setTimeout(offerInField, RENEWAL_MILLISECONDS);
      send(await navigator.credentials.get({ publicKey, mediation: "conditional", signal: mine.signal }));
    } catch {
      // Nobody asked for it, so nobody is told: the button and the field are there.
    }
  };

  const ask = async () => {
    stopWaiting();
    wrong.hidden = true;
    start.setAttribute("aria-busy", "true");
    try {
      const publicKey = await askServer();
      const credentials = navigator.credentials;
      send(await (isSignIn ? credentials.get({ publicKey }) : credentials.create({ publicKey })));
    } catch (error) {
      say(error);
      start.removeAttribute("aria-busy");
    }
  };

  start.addEventListener("click", (event) => {
    event.preventDefault();
    if (start.getAttribute("aria-busy") !== "true") ask();
  });

  if ("conditional" in form.dataset && PublicKeyCredential.isConditionalMediationAvailable) {
    PublicKeyCredential.isConditionalMediationAvailable().then((isAvailable) => {
      if (isAvailable) offerInField();
    });
  }
})();
