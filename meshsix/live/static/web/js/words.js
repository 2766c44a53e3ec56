// What the frame says: whether the page is live, what changed (politely, at most every 5 s), how old the data are.
const ANNOUNCE_EVERY_MS = 5000;
let saidAt = -Infinity;
let waiting = 0;
let lastWords = "";

export function announce(words) {
  if (words === lastWords) return;
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    saidAt = performance.now();
    lastWords = words;
    document.getElementById("announcer").textContent = words;
  }, Math.max(0, saidAt + ANNOUNCE_EVERY_MS - performance.now()));
}

export function show(state, words) {
  const place = document.getElementById("live-state");
  if (!place) return;
  if (place.dataset.state !== state) place.dataset.state = state;
  const text = place.querySelector("[data-words]");
  if (text.textContent !== words) text.textContent = words;
}

export function showStaleness(stale) {
  document.getElementById("content")?.classList.toggle("stale", stale);
}

export function clock(date) {
  return date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}
