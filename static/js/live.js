// Keep the page current: over a WebSocket, where none gets through over an event stream, else by asking every 5 s.
//
// #live-status carries what to open: data-stream-url, -poll-url, -ticket-url, -ticket, -topics, -position.
// Messages are described in releasetrain/panels/news.py; js/fragments.js lays them over the page. Beside that:
//   data-reload-on="KIND …"   the page is loaded anew when such an event happens
// Sent to others: "chart:points", "announce" and "clock" (see chart.js, toast.js, countdown.js).

import { lay } from "./fragments.js";

const POLL_MS = 5_000;
const TICKET_MS = 60_000;
const SILENCE_MS = 25_000; // the stream says something every 10 s
const LONGEST_WAIT_MS = 15_000;
const TRIES_BEFORE_POLLING = 2;
const MOST_POINTS = 600;
const OF_ALL = /^(trains|calendars)\./; // read aloud on every page that hears of them

const status = document.getElementById("live-status");
const words = status?.querySelector("[data-live-text]");
const { streamUrl, pollUrl, ticketUrl, topics = "" } = status?.dataset ?? {};
const eventsUrl = streamUrl?.replace(/^ws/, "http").replace(/socket$/, "events");
const own = topics.split(" ").filter((topic) => topic !== "board");

let ticket = status?.dataset.ticket;
let position = Number(status?.dataset.position ?? -1);
let at = document.documentElement.dataset.now;
let heardAt = Date.now();
let connection = null;
let best = bySocket;
let failures = 0;
let polling = 0;
let retrying = 0;
let silence = 0;
let isOver = false;

// How fresh the page is ------------------------------------------------------------------------------------------

function sentence(state) {
  const ago = Math.round((Date.now() - heardAt) / 1000);
  if (isOver) return "Signed out, or no longer yours to see · reload";
  if (state === "live") return ago < 15 ? "Live" : `Live · last news ${ago} s ago`;
  if (state === "polling") return `Every 5 s · last news ${ago} s ago`;
  return state === "connecting" ? "Connecting …" : `Offline · last news ${ago} s ago`;
}

function show(state = status.dataset.state) {
  if (status.dataset.state !== state) status.dataset.state = state;
  const text = sentence(state);
  if (words.textContent !== text) words.textContent = text;
}

// News -------------------------------------------------------------------------------------------------------------

let unseen = { fragments: new Map(), points: new Map(), everything: false };

function draw() {
  const { fragments, points, everything } = unseen;
  unseen = { fragments: new Map(), points: new Map(), everything: false };
  lay(fragments, { everything });
  for (const [chart, all] of points) {
    document.dispatchEvent(new CustomEvent("chart:points", { detail: { chart, points: all } }));
  }
}

function keep(message) {
  for (const { id, html } of message.fragments) {
    unseen.fragments.delete(id); // the newest wins, in its own place
    unseen.fragments.set(id, html);
  }
  for (const { chart, points } of message.points) {
    unseen.points.set(chart, [...(unseen.points.get(chart) ?? []), ...points].slice(-MOST_POINTS));
  }
  unseen.everything ||= Boolean(message.whole);
}

// Stage changes are said once; on the board only what happens to whole departures, or there would be no end of it
function announce(events) {
  const told = events.filter(({ say, kind, topics: about }) => say && (OF_ALL.test(kind) || about.some((topic) => own.includes(topic))));
  if (told.length) {
    document.dispatchEvent(new CustomEvent("announce", { detail: { text: told.map(({ say }) => say).join(". ") } }));
  }
}

function take(message) {
  heardAt = Date.now();
  at = message.at;
  document.dispatchEvent(new CustomEvent("clock", { detail: { now: at } }));
  const events = (message.events ?? []).filter((event) => event.position > position);
  position = message.whole ? message.position : Math.max(position, message.position);
  if (message.type !== "news") return;
  if (events.some(({ kind }) => document.querySelector(`[data-reload-on~="${kind}"]`))) {
    window.location.reload();
    return;
  }
  keep(message);
  announce(events);
  if (!document.hidden) draw();
}

// Transports: each calls hear(message) and, once, end() --------------------------------------------------------

function bySocket(greeting, { hear, end }) {
  const socket = new WebSocket(streamUrl);
  socket.onopen = () => socket.send(greeting);
  socket.onmessage = ({ data }) => hear(JSON.parse(data));
  socket.onclose = end;
  return {
    renew: () => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify({ ticket })),
    close: () => socket.close(),
  };
}

function byEvents(greeting, { hear, end }) {
  const stop = new AbortController();
  readEvents(greeting, hear, stop.signal).catch(() => {}).then(end);
  return { renew: () => {}, close: () => stop.abort() };
}

async function readEvents(greeting, hear, signal) {
  const answer = await fetch(eventsUrl, { method: "POST", body: greeting, signal, credentials: "omit" });
  if (answer.status === 401) hear({ type: "bye", why: "ticket" });
  if (!answer.ok) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) if (part.startsWith("data: ")) hear(JSON.parse(part.slice(6)));
  }
}

// Connecting, and again ---------------------------------------------------------------------------------------

function connect(how = best) {
  clearTimeout(retrying);
  if (isOver || connection) return;
  let farewell = "";
  const me = how(JSON.stringify({ ticket, position, at }), {
    hear: (message) => {
      listenForSilence();
      if (message.type === "bye") {
        farewell = message.why;
        return;
      }
      [best, failures] = [how, 0];
      stopPolling();
      take(message);
      show("live");
    },
    end: () => {
      if (connection !== me) return;
      connection = null;
      clearTimeout(silence);
      if (farewell === "ticket") renew().then((isRenewed) => (isRenewed ? connect() : failed()));
      else failed();
    },
  });
  connection = me;
  listenForSilence();
}

function failed() {
  if (isOver) return;
  failures += 1;
  if (failures >= TRIES_BEFORE_POLLING) startPolling();
  else show("connecting");
  const wait = Math.min(LONGEST_WAIT_MS, 500 * 2 ** failures) * (0.5 + Math.random());
  // Every other try goes the other way, in case only one of them gets through
  retrying = setTimeout(connect, wait, failures % 2 ? best : best === bySocket ? byEvents : bySocket);
}

function listenForSilence() {
  clearTimeout(silence);
  silence = setTimeout(() => connection?.close(), SILENCE_MS);
}

// The ticket is renewed by the roles that the person holds then; where it is refused, watching is over
async function renew() {
  try {
    const answer = await fetch(`${ticketUrl}?topics=${encodeURIComponent(topics)}`, { redirect: "manual" });
    if (answer.ok) {
      ({ ticket } = await answer.json());
      connection?.renew();
      return true;
    }
    if (isRefused(answer)) stop();
  } catch {
    // The server is away: whoever connects next will see
  }
  return false;
}

const isRefused = (answer) => answer.type === "opaqueredirect" || [401, 403, 404].includes(answer.status);

function stop() {
  isOver = true;
  stopPolling();
  connection?.close();
  show("offline");
}

// Polling --------------------------------------------------------------------------------------------------------

function startPolling() {
  if (polling) return;
  polling = setInterval(poll, POLL_MS);
  poll();
}

function stopPolling() {
  clearInterval(polling);
  polling = 0;
}

async function poll() {
  if (document.hidden) return;
  try {
    const query = `topics=${encodeURIComponent(topics)}&after=${position}`;
    const answer = await fetch(`${pollUrl}?${query}`, { redirect: "manual" });
    if (isRefused(answer)) {
      stop();
      return;
    }
    if (!answer.ok) throw new Error(String(answer.status));
    const message = await answer.json();
    if (!polling) return; // the stream was back first
    take(message);
    show("polling");
  } catch {
    if (polling) show("offline");
  }
}

if (status) {
  connect();
  setInterval(renew, TICKET_MS);
  setInterval(show, 1_000);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    draw();
    connect();
  });
  window.addEventListener("online", () => connect());
  window.addEventListener("pagehide", () => {
    const last = connection;
    connection = null;
    last?.close();
  });
  window.addEventListener("pageshow", ({ persisted }) => persisted && connect());
}
