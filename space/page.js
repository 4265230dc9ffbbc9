// The frame of the page: the tab in the address, the light or dark choice, held in this browser; Ctrl+S.
const KEY = "lama-theme";
const chosen = () => { try { return localStorage.getItem(KEY); } catch { return null; } };
const slug = (button) => button.textContent.trim().toLowerCase().replace(/\s+/g, "-");
// On a narrow page the last tabs are in a menu.
const MENU = "#tabs > .tab-wrapper .overflow-dropdown button";
const buttons = () => [...document.querySelectorAll('#tabs > .tab-wrapper button[role="tab"], ' + MENU)];

const showTheme = () => {
  const theme = chosen();
  if (theme) document.body.classList.toggle("dark", theme === "dark");
  const toggle = document.getElementById("theme-toggle");
  if (!toggle) return;
  const dark = document.body.classList.contains("dark");
  toggle.setAttribute("aria-pressed", String(dark));
  toggle.title = dark ? "Change to light" : "Change to dark";
  toggle.setAttribute("aria-label", toggle.title);
};

const openFromAddress = () => {
  const wanted = decodeURIComponent(location.hash.slice(1));
  const button = buttons().find((candidate) => slug(candidate) === wanted);
  if (button && button.getAttribute("aria-selected") !== "true") button.click();
};

document.addEventListener("click", (event) => {
  if (event.target.closest("#theme-toggle")) {
    const dark = !document.body.classList.contains("dark");
    try { localStorage.setItem(KEY, dark ? "dark" : "light"); } catch { /* private window */ }
    document.body.classList.toggle("dark", dark);
    showTheme();
    return;
  }
  const tab = event.target.closest('#tabs > .tab-wrapper button[role="tab"], ' + MENU);
  if (tab && location.hash.slice(1) !== slug(tab)) history.replaceState(null, "", "#" + slug(tab));
});
window.addEventListener("hashchange", openFromAddress);

// Ctrl+S on the canvas saves the mask, and opens the sheet first where it is closed.
document.addEventListener("keydown", (event) => {
  if (keyOf(event) !== "s" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
  const canvas = document.getElementById("mask-canvas"), sheet = document.getElementById("save-sheet");
  if (!canvas || canvas.offsetParent === null || !sheet) return;
  event.preventDefault(); // not the page as a file
  const button = () => document.getElementById("save-mask");
  if (button() && button().offsetParent !== null) return button().click();
  sheet.querySelector("button").click(); // the terms come first
  setTimeout(() => button()?.scrollIntoView({ block: "nearest" }), 300);
});

const waiting = setInterval(() => {
  if (!document.getElementById("theme-toggle") || !buttons().length) return;
  clearInterval(waiting);
  showTheme();
  openFromAddress();
}, 50);
