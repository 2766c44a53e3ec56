// Feeds while one reads: rows that came meanwhile wait for a click, so that nothing moves under one's eyes.
//
//   <section ... data-holds-new><button type="button" data-new hidden></button> ... <tbody><tr id="task-...">
//
// One reads where the feed's beginning is scrolled out of view. What newer rows push out at its end stays meanwhile.
const ROWS = "tbody > tr[id]";

export function isRead(region) {
  return region.hasAttribute("data-holds-new") && region.getBoundingClientRect().top < 0;
}

// Take from `fresh`, the region as it now is, the rows that `region` does not show; its button says how many they are.
export function holdNew(region, fresh) {
  const shown = [...region.querySelectorAll(ROWS)];
  const rows = [...fresh.querySelectorAll(ROWS)];
  const known = new Set(shown.map((row) => row.id));
  const added = rows.filter((row) => !known.has(row.id));
  const still = new Set(rows.map((row) => row.id));
  const least = shown.length - added.length;
  const end = shown.findLastIndex((row, index) => still.has(row.id) || index < least);
  fresh.querySelector("tbody")?.append(...shown.slice(end + 1).map((row) => row.cloneNode(true)));
  for (const row of added) row.remove();
  const button = fresh.querySelector("[data-new]");
  button.hidden = added.length === 0;
  button.textContent = `${added.length} new`;
}

export function startHeld() {
  document.addEventListener("click", (event) => {
    const region = event.target.closest?.("[data-new]")?.closest("[data-holds-new]");
    if (!region) return;
    region.querySelector("[data-entry]")?.focus({ preventScroll: true });
    window.scrollTo({ top: 0, behavior: "instant" });
    window.htmx.trigger(region, "live");
  });
}
