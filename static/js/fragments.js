// Lay fragments from the server over the page: each replaces the element of its id, whole.
//
//   data-refetch-on="ID …"   belongs to one person; it asks for itself (event "refetch") when one of these changed
//   data-own                 was asked for in a way of its own (a filtered board): it asks for itself, too
//
// An element waits while somebody types or presses in it, has a question open in it, waits for the answer to a press, or
// has been told why that press was refused. What was typed, open or focused elsewhere in it is kept.

const FIELDS = "input:not([type=hidden]), textarea, select";
const AFTER_MS = 100; // what follows a moment (the click after a press) comes first
const JITTER_MS = 250; // many people watch: they need not all ask in the same instant
const waiting = new Map();
const asking = new Map();
let pressed = null; // a press whose button is replaced under the finger would be lost

function given(field) {
  if (["checkbox", "radio"].includes(field.type)) return field.defaultChecked;
  return field.defaultValue ?? [...field.options].find((option) => option.defaultSelected)?.value ?? field.options[0]?.value ?? "";
}

const value = (field) => (["checkbox", "radio"].includes(field.type) ? field.checked : field.value);
const isTyped = (field) => value(field) !== given(field);

function mustWait(element) {
  const active = document.activeElement;
  if (pressed && element.contains(pressed)) return true;
  if (element.contains(active) && active.matches(FIELDS) && isTyped(active)) return true;
  return element.matches(".htmx-request") || element.querySelector("dialog[open], .htmx-request, [data-refused]") !== null;
}

const key = (element) => element.id || `${element.getAttribute("name") ?? ""} ${element.value ?? ""}`;

function carryOver(old, fresh) {
  const open = new Set([...old.querySelectorAll("details[open]")].map((one) => one.id || one.querySelector("summary")?.textContent));
  for (const one of fresh.querySelectorAll("details")) {
    if (open.has(one.id || one.querySelector("summary")?.textContent)) one.open = true;
  }
  const typed = new Map([...old.querySelectorAll(FIELDS)].filter(isTyped).map((field) => [key(field), field]));
  for (const field of fresh.querySelectorAll(FIELDS)) {
    const before = typed.get(key(field));
    if (!before || given(before) !== given(field)) continue;
    if (["checkbox", "radio"].includes(field.type)) field.checked = before.checked;
    else field.value = before.value;
  }
  const scrolled = [...old.querySelectorAll("[data-scrolls]")].map((one) => [one.scrollTop, one.scrollLeft]);
  return () => {
    fresh.querySelectorAll("[data-scrolls]").forEach((one, index) => {
      [one.scrollTop, one.scrollLeft] = scrolled[index] ?? [0, 0];
    });
  };
}

function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

function replace(id, html) {
  waiting.delete(id);
  const old = document.getElementById(id);
  if (!old) return;
  if (mustWait(old)) {
    waiting.set(id, html);
    return;
  }
  const fresh = parse(html);
  if (!fresh) return;
  const active = old.contains(document.activeElement) ? document.activeElement : null;
  const selection = active && "selectionStart" in active ? [active.selectionStart, active.selectionEnd] : null;
  const scroll = carryOver(old, fresh);
  old.replaceWith(fresh);
  scroll();
  window.htmx?.process(fresh);
  const again = active?.id ? document.getElementById(active.id) : null;
  if (again && document.activeElement !== again) {
    again.focus({ preventScroll: true });
    if (selection?.[0] != null) again.setSelectionRange?.(...selection);
  }
}

function askAgain({ id }) {
  clearTimeout(asking.get(id));
  asking.set(id, setTimeout(() => ask(id), Math.random() * JITTER_MS));
}

// An earlier answer may have replaced the element meanwhile, and knows nothing of what has happened since
function ask(id) {
  const element = document.getElementById(id);
  if (element && mustWait(element)) asking.set(id, setTimeout(() => ask(id), JITTER_MS));
  else if (element) window.htmx?.trigger(element, "refetch");
}

// Whoever draws something of their own beside these fragments asks for it again; after everything was sent, all do
function refetch(ids, everything) {
  for (const element of document.querySelectorAll("[data-refetch-on]")) {
    if (everything || element.dataset.refetchOn.split(" ").some((id) => ids.includes(id))) askAgain(element);
  }
}

export function lay(fragments, { everything = false } = {}) {
  const ids = [...fragments.keys()];
  for (const [id, html] of fragments) {
    const own = document.querySelector(`#${CSS.escape(id)}[data-own]`);
    if (own) askAgain(own);
    else replace(id, html);
  }
  if (ids.length) refetch(ids, everything);
}

function layWaiting() {
  for (const [id, html] of [...waiting]) replace(id, html);
}

document.addEventListener("pointerdown", ({ target }) => {
  pressed = target;
}, true);
for (const moment of ["pointerup", "pointercancel"]) {
  document.addEventListener(moment, () => setTimeout(() => {
    pressed = null;
  }, AFTER_MS), true);
}
for (const moment of ["focusout", "close", "change", "pointerup", "pointercancel", "htmx:afterRequest"]) {
  document.addEventListener(moment, () => setTimeout(layWaiting, AFTER_MS), true);
}

// What an element asked for itself is laid like anything else: something may have been typed since it asked
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { requestConfig, serverResponse, target } = detail;
  if (requestConfig.triggeringEvent?.type === "refetch") {
    if (detail.shouldSwap) waiting.set(target.id, serverResponse);
    detail.shouldSwap = false;
  } else if (target.matches("[data-refetch-on]")) {
    waiting.delete(target.id); // older than this answer to a press
  }
});
