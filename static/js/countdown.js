// Keep countdowns and clocks going by the server's clock, and write them as web/templatetags/times.py does.
//
//   <time data-countdown="ahead" datetime="…Z" data-word="passed">    ahead, near or past
//   <time data-clock>                                         the wall clock in the reader's zone
//
// The server's clock comes from <html data-now>, from the Date of every htmx answer, and from
// document.dispatchEvent(new CustomEvent("clock", { detail: { now: "…Z" } })).
// Others read it as Date.now() + Number(document.documentElement.dataset.clockOffset).

const NEAR = 15 * 60 * 1000;
const root = document.documentElement;
const pad = (number) => String(number).padStart(2, "0");

let offset = 0;

function set(server, browser = Date.now()) {
  if (!Number.isFinite(server)) return;
  offset = server - browser;
  root.dataset.clockOffset = Math.round(offset);
}

export function remaining(ms) {
  let seconds = Math.max(0, Math.floor(ms / 1000));
  const days = Math.floor(seconds / 86400);
  seconds %= 86400;
  const hours = Math.floor(seconds / 3600);
  seconds %= 3600;
  const minutes = Math.floor(seconds / 60);
  seconds %= 60;
  if (days) return `${days} d ${pad(hours)} h`;
  if (hours) return `${hours} h ${pad(minutes)}:${pad(seconds)}`;
  return `${pad(minutes)}:${pad(seconds)}`;
}

function write(element, text) {
  const node = element.firstChild;
  if (node?.nodeType !== Node.TEXT_NODE) element.prepend(text);
  else if (node.data !== text) node.data = text;
}

function draw(element, now) {
  const left = Date.parse(element.dateTime) - now;
  const state = left <= 0 ? "past" : left <= NEAR ? "near" : "ahead";
  if (element.dataset.countdown !== state) element.dataset.countdown = state;
  write(element, left <= 0 ? element.dataset.word : remaining(left));
}

const zone = () => root.dataset.zone || Intl.DateTimeFormat().resolvedOptions().timeZone;
let wall;

function clock(element, now) {
  wall ??= new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: zone() });
  write(element, wall.format(now));
  const label = element.parentElement.querySelector("[data-clock-zone]");
  if (label) write(label, zone().split("/").pop().replaceAll("_", " "));
}

function drawAll(within = document) {
  const now = Date.now() + offset;
  for (const element of within.querySelectorAll("[data-countdown]")) draw(element, now);
  for (const element of within.querySelectorAll("[data-clock]")) clock(element, now);
}

let timer;

function tick() {
  clearTimeout(timer);
  if (document.hidden) return;
  drawAll();
  timer = setTimeout(tick, 1000 - ((Date.now() + offset) % 1000) + 5);
}

// A page out of the browser's cache shows an old data-now: then the browser's own clock is the better guess
const visit = performance.getEntriesByType("navigation")[0];
if (root.dataset.now && visit?.transferSize !== 0) {
  set(Date.parse(root.dataset.now), performance.timeOrigin + (visit?.responseStart ?? 0));
}

document.addEventListener("clock", (event) => {
  set(Date.parse(event.detail.now));
  tick();
});
document.addEventListener("htmx:afterOnLoad", (event) => {
  const server = Date.parse(event.detail.xhr.getResponseHeader("Date") ?? "") + 500;
  if (Math.abs(server - (Date.now() + offset)) > 2000) set(server); // the header only has whole seconds
});
document.addEventListener("visibilitychange", tick);

// What arrives live may have been drawn a while ago: put it right before it is painted
new MutationObserver((changes) => {
  const arrived = changes.some((change) => [...change.addedNodes].some((node) => node.nodeType === Node.ELEMENT_NODE));
  if (arrived) drawAll();
}).observe(document.body, { childList: true, subtree: true });

tick();
