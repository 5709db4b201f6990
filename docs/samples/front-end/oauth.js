// Signing in by code with PKCE (RFC 6749, RFC 7636, RFC 9207), in the browser alone.
// Tokens stay in this page's memory: whoever reloads it signs in again, silently while the session lives.

const KEPT = "front-end sign-in"; // verifier and state, for the way to the gateway and back

function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(48)));
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

async function challengeOf(verifier) {
  const bytes = new TextEncoder().encode(verifier);
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

export class Session {
  #tokens = null;
  #refreshing = null;

  constructor(gateway, clientId) {
    this.gateway = gateway;
    this.clientId = clientId;
    this.back = location.origin + location.pathname;
  }

  get signedIn() {
    return this.#tokens !== null;
  }

  async #server() {
    this.server ??= (await fetch(`${this.gateway}/.well-known/oauth-authorization-server`)).json();
    return this.server;
  }

  // Leaves this page. `silently`: comes back without asking anybody anything.
  async begin({ silently = false } = {}) {
    const verifier = random();
    const state = random();
    sessionStorage.setItem(KEPT, JSON.stringify({ verifier, state }));
    const asked = {
      response_type: "code",
      client_id: this.clientId,
      redirect_uri: this.back,
      state,
      code_challenge: await challengeOf(verifier),
      code_challenge_method: "S256",
      ...(silently ? { prompt: "none" } : {}),
    };
    location.assign(`${(await this.#server()).authorization_endpoint}?${new URLSearchParams(asked)}`);
  }

  // What came back in the address, if anything did: true when somebody is signed in now. Throws when it is not ours.
  async finish() {
    const told = new URLSearchParams(location.search);
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    if (!told.has("state") || kept === null) return false;
    sessionStorage.removeItem(KEPT);
    history.replaceState(null, "", this.back); // the code is out of the address before anything else is done
    const server = await this.#server();
    if (told.get("state") !== kept.state) throw new Error("This answer belongs to another sign-in.");
    if (told.get("iss") !== server.issuer) throw new Error("This answer comes from somebody else.");
    if (told.has("error")) {
      if (["login_required", "consent_required"].includes(told.get("error"))) return false;
      throw new Error(told.get("error_description") ?? told.get("error"));
    }
    await this.#ask({
      grant_type: "authorization_code",
      code: told.get("code"),
      redirect_uri: this.back,
      code_verifier: kept.verifier,
    });
    return true;
  }

  async #ask(fields) {
    const server = await this.#server();
    const body = new URLSearchParams({ client_id: this.clientId, ...fields });
    const answer = await fetch(server.token_endpoint, { method: "POST", body });
    const told = await answer.json();
    if (!answer.ok) {
      this.#tokens = null;
      throw new Error(told.error_description ?? "You are signed out.");
    }
    this.#tokens = { ...told, until: Date.now() + (told.expires_in - 30) * 1000 };
  }

  // One refresh at a time: a refresh token that is used twice ends the sign-in.
  async #fresh() {
    if (this.#tokens.until > Date.now()) return;
    this.#refreshing ??= this.#ask({
      grant_type: "refresh_token",
      refresh_token: this.#tokens.refresh_token,
    }).finally(() => (this.#refreshing = null));
    await this.#refreshing;
  }

  // Ask the gateway, as whoever is signed in or as a stranger. Changes carry a key, so that they may be repeated.
  async fetch(path, { method = "GET", body } = {}) {
    if (this.signedIn) await this.#fresh();
    const headers = { Accept: "application/json" };
    if (this.signedIn) headers.Authorization = `Bearer ${this.#tokens.access_token}`;
    if (method !== "GET") headers["Idempotency-Key"] = crypto.randomUUID();
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const sent = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
    for (let tries = 3; ; tries -= 1) {
      const answer = await fetch(this.gateway + path, sent);
      const told = answer.status === 204 ? null : await answer.json();
      if (answer.ok) return told;
      const wait = Number(answer.headers.get("Retry-After"));
      if ([429, 503].includes(answer.status) && tries > 0 && wait > 0 && wait <= 5) {
        await new Promise((later) => setTimeout(later, wait * 1000));
        continue;
      }
      throw new Error((told.reasons ?? []).map((reason) => reason.text).join(" ") || told.title);
    }
  }

  async end() {
    const { revocation_endpoint: revoke } = await this.#server();
    const token = this.#tokens?.refresh_token;
    this.#tokens = null;
    if (token) await fetch(revoke, { method: "POST", body: new URLSearchParams({ client_id: this.clientId, token }) });
  }
}
