import { Session } from "./oauth.js";

const at = (id) => document.getElementById(id);
const { gateway, client_id: clientId } = await (await fetch("config.json")).json();
const session = new Session(gateway, clientId);

function say(text) {
  at("said").textContent = text;
}

function item(text, ...more) {
  const made = document.createElement("li");
  made.append(text, ...more); // as text: what a record holds is never taken for markup
  return made;
}

async function show() {
  at("sign-in").hidden = session.signedIn;
  at("sign-out").hidden = at("account").hidden = !session.signedIn;
  at("who").textContent = session.signedIn ? "You are signed in." : "You are not signed in.";
  if (!session.signedIn) return;
  const account = await session.fetch("/v1/patrons/me/account");
  const loans = account.loans.map((loan) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Renew";
    button.setAttribute("aria-label", `Renew ${loan.title}`);
    button.addEventListener("click", tried(async () => {
      const renewed = await session.fetch(`/v1/loans/${loan.id}/renewals`, { method: "POST", body: {} });
      say(`Renewed until ${new Date(renewed.due_at).toLocaleDateString()}.`);
      await show();
    }));
    return item(`${loan.title}, due ${new Date(loan.due_at).toLocaleDateString()} `, button);
  });
  at("loans").replaceChildren(...(loans.length ? loans : [item("Nothing at present.")]));
}

async function search(event) {
  event.preventDefault();
  const query = new URLSearchParams({ query: at("query").value, limit: "10" });
  const { items, total } = await session.fetch(`/v1/titles?${query}`);
  say(`${total} found.`);
  at("found").replaceChildren(
    ...items.map((title) => item(`${title.title} (${title.items_available} of ${title.items_total} there)`)),
  );
}

function tried(act) {
  return async (event) => {
    try {
      await act(event);
    } catch (error) {
      say(error.message);
    }
  };
}

at("search").addEventListener("submit", tried(search));
at("sign-in").addEventListener("click", tried(() => session.begin()));
at("sign-out").addEventListener("click", tried(async () => {
  await session.end();
  say("This page has forgotten you. You are still signed in at the library.");
  await show();
}));
await tried(() => session.finish())();
await tried(show)();
