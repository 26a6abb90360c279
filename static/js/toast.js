// Short words about what was just done, and what to do when an answer did not come.
//
//   a response header  HX-Trigger: {"toast": {"text": "…", "tone": "ok", "detail": "…"}}
//   a script           document.dispatchEvent(new CustomEvent("toast", { detail: { text, tone, detail } }))
//                      document.dispatchEvent(new CustomEvent("announce", { detail: { text } }))   for readers only

const SHORT = 8000;
const region = document.getElementById("toasts");
const announcer = document.getElementById("announcer");

function add({ text, tone = "quiet", detail = "" }) {
  const template = document.getElementById(`toast-${tone}`) ?? document.getElementById("toast-quiet");
  const toast = template.content.firstElementChild.cloneNode(true);
  toast.querySelector("[data-text]").textContent = text;
  if (detail) {
    const more = document.createElement("p");
    more.className = "small muted";
    more.textContent = detail;
    toast.querySelector("[data-text]").after(more);
  }
  region.append(toast);
}

// Good news goes away by itself; bad news stays until somebody has read it
function leave(toast) {
  if (["bad", "warn"].includes(toast.dataset.tone)) return;
  let timer = setTimeout(() => toast.remove(), SHORT);
  const stay = () => clearTimeout(timer);
  toast.addEventListener("pointerenter", stay);
  toast.addEventListener("focusin", stay);
  toast.addEventListener("pointerleave", () => {
    timer = setTimeout(() => toast.remove(), SHORT);
  });
}

for (const toast of region.children) leave(toast);
new MutationObserver((changes) => {
  for (const { addedNodes } of changes) for (const node of addedNodes) if (node.matches?.(".toast")) leave(node);
  while (region.children.length > 5) region.firstElementChild.remove();
}).observe(region, { childList: true });

region.addEventListener("click", (event) => {
  if (event.target.closest("[data-toast-close]")) event.target.closest(".toast").remove();
});
document.addEventListener("toast", (event) => add(event.detail));
document.addEventListener("announce", (event) => {
  announcer.textContent = event.detail.text;
});

// A refusal that brings its own fragment (409, 422, or a target of its own) is shown; a whole page of error is not put
// into a panel, it becomes a sentence
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { status } = detail.xhr;
  if (status < 400) return;
  const hasFragment = [409, 422].includes(status) || Boolean(detail.xhr.getResponseHeader("HX-Retarget"));
  detail.shouldSwap = hasFragment;
  detail.isError = !hasFragment;
});
document.addEventListener("htmx:responseError", ({ detail }) => {
  if (/"toast"/.test(detail.xhr.getResponseHeader("HX-Trigger") ?? "")) return;
  const text = detail.xhr.status >= 500 ? "Something broke on our side; it has been written down." : `This was refused (${detail.xhr.status}).`;
  add({ tone: "bad", text, detail: "Load the page again to see how things stand. What you typed is still here." });
});
document.addEventListener("htmx:sendError", () => {
  add({ tone: "bad", text: "The server cannot be reached.", detail: "Nothing is known to have changed. What you typed is still here; press again when you are back." });
});
document.addEventListener("htmx:timeout", () => {
  add({ tone: "warn", text: "No answer yet.", detail: "It may still be done. The page will say so, or load it again." });
});
