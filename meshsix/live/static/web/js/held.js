// Feeds while one reads: rows that came meanwhile wait for a click, so that nothing moves under one's eyes.
//
//   <section ... data-holds-new><button type="button" data-new hidden></button> ... <tbody><tr id="task-...">
//
// One reads where the feed's beginning is scrolled out of view. What newer rows push out at its end stays meanwhile.
import { announce } from "./words.js";

const ROWS = "tbody > tr[id]";

export function isRead(region) {
  return region.hasAttribute("data-holds-new") && region.getBoundingClientRect().top < 0;
}

// Take from `fresh`, the region as it now is, the rows that stand before one that `region` shows but are not shown
// themselves; its button says how many they are.
export function holdNew(region, fresh) {
  const shown = [...region.querySelectorAll(ROWS)];
  const rows = [...fresh.querySelectorAll(ROWS)];
  const known = new Set(shown.map((row) => row.id));
  const last = rows.findLastIndex((row) => known.has(row.id));
  const added = rows.filter((row, index) => !known.has(row.id) && (last < 0 || index < last));
  const still = new Set(rows.map((row) => row.id));
  const room = shown.length - added.length;
  const pushed = shown.slice(shown.findLastIndex((row, index) => still.has(row.id) || index < room) + 1);
  for (const row of pushed) {
    const kept = row.cloneNode(true);
    kept.classList.add("stale");
    fresh.querySelector("tbody")?.append(kept);
  }
  for (const row of added) row.remove();
  const button = fresh.querySelector("[data-new]");
  button.hidden = added.length === 0;
  button.textContent = `${added.length}${last < 0 ? "+" : ""} new`;
  return button.hidden ? "" : button.textContent;
}

// Which region was asked by a click for what it held; its first entry gets the focus once that is there.
let asked = "";

export function startHeld() {
  document.addEventListener("click", (event) => {
    const region = event.target.closest?.("[data-new]")?.closest("[data-holds-new]");
    if (!region) return;
    asked = region.id;
    announce("");
    window.scrollTo({ top: 0, behavior: "instant" });
    window.htmx.trigger(region, "live");
  });
  window.htmx.on("htmx:afterRequest", (event) => {
    if (event.detail.elt?.id !== asked) return;
    if (event.detail.successful) document.getElementById(asked)?.querySelector("[data-entry]")?.focus();
    asked = "";
  });
}
