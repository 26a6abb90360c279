// Auto, light or dark, kept in this browser. A plain script in the head, so that the first paint has the right colours.
(() => {
  const root = document.documentElement;
  const read = () => {
    try {
      return localStorage.getItem("theme") || "auto";
    } catch {
      return "auto"; // storage is switched off
    }
  };
  const apply = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  };
  const show = () => {
    for (const radio of document.querySelectorAll("[data-theme-switch] input")) radio.checked = radio.value === read();
  };

  apply(read());
  document.addEventListener("DOMContentLoaded", show);
  document.addEventListener("change", (event) => {
    if (!event.target.closest("[data-theme-switch]")) return;
    try {
      localStorage.setItem("theme", event.target.value);
    } catch {
      // it then lasts for this page only
    }
    apply(event.target.value);
  });
  window.addEventListener("storage", () => {
    apply(read());
    show();
  });
})();
