"use strict";

const element = (id) => document.getElementById(id);

/** Sends a form and returns the answer; `null` if there is none. */
async function post(path, fields) {
  try {
    return await fetch(path, { method: "POST", body: new URLSearchParams(fields) });
  } catch {
    return null;
  }
}

function answer(form, text) {
  form.querySelector(".answer").textContent = text;
}

const GONE = "The mailer does not answer. Nothing is lost: please try again.";

// Who is signed in.

function show(account) {
  element("signed-in").hidden = element("sign-out").hidden = !account;
  element("signed-out").hidden = Boolean(account);
  element("account").textContent = account ? `${account.user} (${account.tenant})` : "";
  if (account) {
    follow();
  } else {
    stopFollowing();
    banner("");
    element("user").focus();
  }
}

element("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const response = await post("/sign-in", new FormData(form));
  if (response?.ok) {
    form.reset();
    answer(form, "");
    show(await response.json());
    element("to").focus();
  } else {
    answer(form, response ? await response.text() : GONE);
  }
});

element("sign-out").addEventListener("submit", async (event) => {
  event.preventDefault();
  const response = await post("/sign-out", {});
  if (response?.ok) {
    show(null);
  }
});

// Sending. The id is that of the mail and not of the request: a request that is repeated after an error, or by a
// second click, does not send the mail twice.

let id = null;

element("send").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  id ??= crypto.randomUUID();
  const fields = new FormData(form);
  fields.set("id", id);
  answer(form, "Sending …");
  const response = await post("/mails", fields);
  if (response?.ok) {
    id = null;
    form.reset();
    answer(form, "Queued.");
  } else if (response?.status === 429) {
    answer(form, `Too many mails at once: please wait ${response.headers.get("Retry-After")} s.`);
  } else if (response?.status === 401) {
    show(null);
  } else {
    answer(form, response ? await response.text() : GONE);
  }
});

element("send").addEventListener("input", () => {
  // What is changed is another mail.
  id = null;
});

// The counts. A browser reconnects by itself, but not after an answer other than 200.

let events = null;
let again = null;

function follow() {
  stopFollowing();
  events = new EventSource("/events");
  events.onmessage = (event) => {
    const view = JSON.parse(event.data);
    for (const name of ["queued", "delivered", "failed"]) {
      element(name).textContent = view[name];
    }
    banner(view.is_live ? "" : "Redis is gone. The counts stand still, and mails cannot be sent until it is back.");
  };
  events.onerror = () => {
    banner("The mailer does not answer. The counts stand still until it is back.");
    if (events.readyState === EventSource.CLOSED) {
      again = setTimeout(start, 2000);
    }
  };
}

function stopFollowing() {
  clearTimeout(again);
  events?.close();
  events = null;
}

function banner(text) {
  element("banner").textContent = text;
  element("banner").hidden = text === "";
}

async function start() {
  const response = await fetch("/account").catch(() => null);
  if (response?.ok) {
    show(await response.json());
  } else if (response?.status === 401) {
    show(null);
  } else {
    banner("The service is not available. This page tries again.");
    setTimeout(start, 2000);
  }
}

start();
