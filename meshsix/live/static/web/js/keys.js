// Keys for those who like them: ? help, g + letter to go, / search, j k in lists. None acts while one types.
const OFF = "mesh-six-keys-off";
const GO_WITHIN_MS = 3000;
const NO_TEXT = new Set(["checkbox", "radio", "button", "submit", "reset", "range", "color", "file", "image"]);

export function startKeys() {
  const dialog = document.getElementById("keys-dialog");
  const button = document.getElementById("show-keys");
  if (!dialog || !button) return;
  button.hidden = false;
  button.addEventListener("click", () => dialog.showModal());
  const links = [...document.querySelectorAll("a[data-key]")];
  dialog.querySelector("[data-go-list]").textContent =
    "go: " + links.map((link) => `${link.dataset.key} ${link.textContent.trim()}`).join(", ");
  const box = document.getElementById("keys-on");
  box.checked = !stored();
  box.addEventListener("change", () => store(!box.checked));
  let goUntil = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key === "?") return act(event, () => dialog.showModal());
    if (stored()) return;
    if (event.timeStamp < goUntil) {
      goUntil = 0;
      const link = links.find((one) => one.dataset.key === event.key);
      if (link) act(event, () => link.click());
    } else if (event.key === "g") {
      goUntil = event.timeStamp + GO_WITHIN_MS;
    } else if (event.key === "/") {
      const search = document.querySelector("[data-search]");
      if (search) act(event, () => search.focus());
    } else if (event.key === "j" || event.key === "k") {
      act(event, () => walk(event.key === "j" ? 1 : -1));
    }
  });
}

function act(event, does) {
  event.preventDefault();
  does();
}

function typing(element) {
  if (!(element instanceof HTMLElement) || element instanceof HTMLInputElement && NO_TEXT.has(element.type)) return false;
  return element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);
}

function walk(by) {
  const entries = [...document.querySelectorAll("[data-list] [data-entry]")];
  if (!entries.length) return;
  const at = entries.indexOf(document.activeElement);
  entries[at < 0 ? (by > 0 ? 0 : entries.length - 1) : Math.min(Math.max(at + by, 0), entries.length - 1)].focus();
}

function stored() {
  try { return localStorage.getItem(OFF) === "yes"; } catch { return false; }
}

function store(off) {
  try { localStorage.setItem(OFF, off ? "yes" : "no"); } catch { /* a browser that keeps nothing: on until reload */ }
}
