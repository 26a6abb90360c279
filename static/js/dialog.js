// Open a <dialog> by data-dialog="ID", close it by data-dialog-close or a press beside it. Without script the same links
// work through :target. A dialog that is replaced by live news while it is open is opened again, where it was.

let open = null;

function show(dialog) {
  if (!dialog || dialog.open) return;
  open = dialog.id;
  dialog.showModal();
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) {
    event.preventDefault();
    show(document.getElementById(opener.dataset.dialog));
    return;
  }
  const dialog = event.target.closest("dialog");
  if (!dialog) return;
  const beside = event.target === dialog && event.detail > 0 && outside(dialog, event);
  if (event.target.closest("[data-dialog-close]") || beside) {
    event.preventDefault();
    dialog.close();
    if (location.hash === `#${dialog.id}`) history.replaceState(null, "", location.pathname + location.search);
  }
});

function outside(dialog, event) {
  const box = dialog.getBoundingClientRect();
  return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
}

// A link that looks like a button answers the space bar like one
document.addEventListener("keydown", (event) => {
  if (event.key === " " && event.target.matches('a[role="button"]')) {
    event.preventDefault();
    event.target.click();
  }
});

document.addEventListener("close", (event) => {
  if (event.target.id === open) open = null;
  // The button that opened it may have been replaced meanwhile: go to the one that stands there now
  const lost = document.activeElement === document.body || event.target.contains(document.activeElement);
  if (lost) document.querySelector(`[data-dialog="${event.target.id}"]`)?.focus();
}, true);

// Its own answer has come: whatever is swapped in now is the news, not the question
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.requestConfig?.elt?.closest?.("dialog")?.id === open) open = null;
});

new MutationObserver(() => {
  if (!open) return;
  const dialog = document.getElementById(open);
  if (dialog && !dialog.open) show(dialog);
  else if (!dialog) {
    open = null;
    document.dispatchEvent(new CustomEvent("toast", { detail: { tone: "warn", text: "This changed while you were reading, and can no longer be done." } }));
  }
}).observe(document.body, { childList: true, subtree: true });
