// Keep the page current: over a WebSocket, or by asking every 5 s where none gets through.
//
// #live-status carries what to open (stream-url, ticket, topics, position). Messages are described in
// releasetrain/panels/news.py. A fragment replaces the element of its id; one that somebody is typing in waits. Beside that:
//   data-refetch-on="ID …"    the element asks for itself again (event "refetch") when one of these fragments changed
//   data-reload-on="KIND …"   the page is loaded anew when such an event happens

const POLL_MS = 5_000;
const TICKET_MS = 60_000;
const SILENCE_MS = 25_000;
const LONGEST_WAIT_MS = 15_000;
const TRIES_BEFORE_POLLING = 2;
const LAST_WORDS = { live: "Live", connecting: "Connecting …" };

const status = document.getElementById("live-status");
const words = status?.querySelector("[data-live-text]");
const topics = status?.dataset.topics ?? "";
let ticket = status?.dataset.ticket ?? "";
let position = Number(status?.dataset.position ?? -1);
let newsAt = "";
let heardAt = Date.now();
let socket = null;
let failures = 0;
let polling = 0;
let silence = 0;
let retry = 0;

const waiting = new Map();
let unseen = { fragments: new Map(), series: [] };

function show(state) {
  if (status.dataset.state !== state) status.dataset.state = state;
  const ago = Math.round((Date.now() - heardAt) / 1000);
  const text =
    LAST_WORDS[state] ?? (state === "polling" ? `Every 5 s · last news ${ago} s ago` : `Offline · last news ${ago} s ago`);
  if (words.textContent !== text) words.textContent = text;
}

// Fragments --------------------------------------------------------------------------------------------------

function isTyping(element) {
  if (element.querySelector("dialog[open]")) return true;
  const fields = element.querySelectorAll("input:not([type=hidden]), textarea, select");
  return [...fields].some((field) =>
    field.type === "checkbox" || field.type === "radio"
      ? field.checked !== field.defaultChecked
      : field.value !== (field.defaultValue ?? field.querySelector?.("[selected]")?.value ?? field.value),
  );
}

function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

function replace(id, html) {
  const old = document.getElementById(id);
  if (!old) return false;
  if (isTyping(old)) {
    waiting.set(id, html);
    return false;
  }
  const fresh = parse(html);
  const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
  const open = [...old.querySelectorAll("details[open] > summary")].map((one) => one.textContent);
  const scrolled = [...old.querySelectorAll("[data-scrolls]")].map((one) => one.scrollTop);
  old.replaceWith(fresh);
  for (const summary of fresh.querySelectorAll("details > summary"))
    if (open.includes(summary.textContent)) summary.parentElement.open = true;
  fresh.querySelectorAll("[data-scrolls]").forEach((one, index) => (one.scrollTop = scrolled[index] ?? 0));
  window.htmx?.process(fresh);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  waiting.delete(id);
  return true;
}

function refetch(ids) {
  for (const element of document.querySelectorAll("[data-refetch-on]")) {
    const wanted = element.dataset.refetchOn.split(" ");
    if (!wanted.some((id) => ids.includes(id)) || isTyping(element)) continue;
    // Many people watch: they need not all ask in the same instant.
    setTimeout(() => window.htmx?.trigger(element, "refetch"), Math.random() * 250);
  }
}

function draw() {
  const { fragments, series } = unseen;
  unseen = { fragments: new Map(), series: [] };
  for (const [id, html] of fragments) replace(id, html);
  refetch([...fragments.keys()]);
  for (const detail of series) document.dispatchEvent(new CustomEvent("chart:points", { detail }));
}

function drawWaiting() {
  for (const [id, html] of [...waiting]) replace(id, html);
}

// Messages ---------------------------------------------------------------------------------------------------

function tell(event) {
  if (event.say) document.dispatchEvent(new CustomEvent("announce", { detail: { text: event.say } }));
}

function take(message) {
  heardAt = Date.now();
  newsAt = message.at;
  document.dispatchEvent(new CustomEvent("clock", { detail: { now: message.at } }));
  if (message.type === "pulse") {
    position = Math.max(position, message.position);
    return;
  }
  const events = message.events.filter((event) => event.position > position);
  position = message.whole ? message.position : Math.max(position, message.position);
  if (events.some((event) => document.querySelector(`[data-reload-on~="${event.kind}"]`))) {
    window.location.reload();
    return;
  }
  for (const { id, html } of message.fragments) {
    unseen.fragments.delete(id); // the newest wins, in its own place
    unseen.fragments.set(id, html);
  }
  unseen.series.push(...(message.points ?? []));
  events.forEach(tell);
  if (!document.hidden) draw();
}

// Socket -----------------------------------------------------------------------------------------------------

function listenForSilence() {
  clearTimeout(silence);
  silence = setTimeout(() => socket?.close(), SILENCE_MS);
}

function open() {
  clearTimeout(retry);
  socket = new WebSocket(status.dataset.streamUrl);
  socket.onopen = () => {
    socket.send(JSON.stringify(newsAt ? { ticket, position, at: newsAt } : { ticket, position }));
    listenForSilence();
  };
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    listenForSilence();
    if (message.type === "bye") {
      if (message.why === "ticket") renew();
      return;
    }
    failures = 0;
    stopPolling();
    show("live");
    take(message);
  };
  socket.onclose = () => {
    clearTimeout(silence);
    socket = null;
    failures += 1;
    if (failures >= TRIES_BEFORE_POLLING) startPolling();
    else show("connecting");
    const wait = Math.min(LONGEST_WAIT_MS, 500 * 2 ** failures) * (0.5 + Math.random());
    retry = setTimeout(open, wait);
  };
}

async function renew() {
  try {
    const answer = await fetch(`/live/ticket/?topics=${encodeURIComponent(topics)}`, { redirect: "error" });
    if (!answer.ok) return;
    ({ ticket } = await answer.json());
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ ticket }));
  } catch {
    // The server is away; the socket's own retries say so.
  }
}

// Polling ----------------------------------------------------------------------------------------------------

function startPolling() {
  if (polling) return;
  poll();
  polling = setInterval(poll, POLL_MS);
}

function stopPolling() {
  clearInterval(polling);
  polling = 0;
}

async function poll() {
  if (document.hidden) return;
  try {
    const query = `topics=${encodeURIComponent(topics)}&after=${position}`;
    const answer = await fetch(`/live/news/?${query}`, { redirect: "error" });
    if (!answer.ok) throw new Error(String(answer.status));
    take(await answer.json());
    if (polling) show("polling");
  } catch {
    if (polling) show("offline");
  }
}

if (status) {
  open();
  setInterval(renew, TICKET_MS);
  setInterval(() => status.dataset.state !== "live" && show(status.dataset.state), 1_000);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    draw();
    if (!socket) open();
  });
  document.addEventListener("focusout", () => setTimeout(drawWaiting, 100));
  document.addEventListener("close", () => setTimeout(drawWaiting, 100), true);
  window.addEventListener("pagehide", () => {
    if (socket) socket.onclose = null;
    socket?.close();
  });
}
