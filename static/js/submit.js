// Sending forms: once, under one id, and without losing a word.

// Once: the second press of an impatient hand does nothing until the first has been answered
function busy(form, is) {
  if (is) form.dataset.sending = "";
  else delete form.dataset.sending;
  for (const button of form.querySelectorAll('button[type="submit"], button:not([type])')) {
    if (is) button.setAttribute("aria-busy", "true");
    else button.removeAttribute("aria-busy");
  }
}

function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID is missing where the page is not secure
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if ("sending" in form.dataset) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  // A repeat after a failure carries the same id, so it cannot be done twice
  for (const input of form.querySelectorAll("[data-uuid]")) input.value ||= uuid();
  if (form.hasAttribute("hx-post")) return;
  forget(form);
  busy(form, true);
}, true);

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  if (detail.elt.matches("form[hx-post]")) busy(detail.elt, true);
});
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (!detail.elt.matches("form[hx-post]")) return;
  busy(detail.elt, false);
  if (!detail.successful) return;
  forget(detail.elt);
  for (const input of detail.elt.querySelectorAll("[data-uuid]")) input.value = "";
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) for (const form of document.querySelectorAll("form[data-sending]")) busy(form, false);
});

// Without losing a word: what is typed into form[data-keep] survives live news, a reload and the way back.
// It is put back only where the page still offers the value that was typed over.
const NAME = `typed ${location.pathname}`;
const TEXT = 'textarea[id], select[id], input[id]:not([type="password"], [type="hidden"], [type="checkbox"], [type="radio"], [type="file"])';

function load() {
  try {
    return JSON.parse(sessionStorage.getItem(NAME)) ?? {};
  } catch {
    return {};
  }
}

let typed = load();

function store() {
  try {
    if (Object.keys(typed).length) sessionStorage.setItem(NAME, JSON.stringify(typed));
    else sessionStorage.removeItem(NAME);
  } catch {
    // it is then kept for this page only
  }
}

const given = (field) => field.defaultValue ?? [...field.options].find((option) => option.defaultSelected)?.value ?? "";

function forget(form) {
  for (const field of form.querySelectorAll(TEXT)) delete typed[field.id];
  store();
}

function restore() {
  if (!Object.keys(typed).length) return;
  for (const field of document.querySelectorAll(`form[data-keep] :is(${TEXT})`)) {
    const [before, after] = typed[field.id] ?? [];
    if (after !== undefined && field.value === before && given(field) === before) field.value = after;
  }
}

document.addEventListener("input", ({ target }) => {
  if (!target.matches(TEXT) || !target.closest("form[data-keep]")) return;
  typed[target.id] = [given(target), target.value];
  store();
});
// Live news replaced what somebody was typing into or about to press: stay there
let focused = null;

document.addEventListener("focusin", ({ target }) => {
  focused = target;
});
document.addEventListener("pointerdown", ({ target }) => {
  if (!focused?.contains(target)) focused = null;
});

function refocus(removed) {
  if (!focused?.id || document.activeElement !== document.body || !removed.some((node) => node.contains(focused))) return;
  const again = document.getElementById(focused.id);
  if (!again) return;
  const { selectionStart, selectionEnd } = focused;
  again.focus({ preventScroll: true });
  if (typeof selectionStart === "number") again.setSelectionRange?.(selectionStart, selectionEnd);
}

new MutationObserver((changes) => {
  if (!changes.some((change) => change.addedNodes.length)) return;
  restore();
  refocus(changes.flatMap((change) => [...change.removedNodes]));
}).observe(document.body, { childList: true, subtree: true });

restore();
document.querySelector("[data-focus]")?.focus();
