// Live regions: parts of the page that fetch themselves anew when their aggregate has news.
//
//   <section id="run" data-aggregate="run:..." data-seq="12"          or data-feed="run"
//            hx-get="/onboarding/..." hx-trigger="live" hx-target="this" hx-swap="morph:outerHTML">
//
// At most 4 fetches a second a region, one at a time; an answer older than what is shown is dropped.
import { holdNew, isRead } from "./held.js";
import { announce, showStaleness } from "./words.js";

const SELECTOR = "[data-aggregate][data-seq], [data-feed][data-seq]";
const LEAST_PAUSE_MS = 250;
const pending = new Map(); // id -> { timer, last, busy, again }

export function topicOf(region) {
  return region.dataset.aggregate ?? `feed:${region.dataset.feed}`;
}

export function regions() {
  return [...document.querySelectorAll(SELECTOR)];
}

// What this page shows: topic -> the least seq of its regions.
export function shown() {
  const topics = new Map();
  for (const region of regions()) {
    const seq = Number(region.dataset.seq);
    topics.set(topicOf(region), Math.min(seq, topics.get(topicOf(region)) ?? seq));
  }
  return topics;
}

// Refresh the regions of a topic that show less than `seq`.
export function news(topic, seq) {
  for (const region of regions()) {
    if (topicOf(region) === topic && Number(region.dataset.seq) < seq) refresh(region.id);
  }
}

function refresh(id) {
  const state = pending.get(id) ?? { last: -Infinity, busy: false, again: false, timer: 0 };
  pending.set(id, state);
  if (state.busy) { state.again = true; return; }
  if (state.timer) return;
  const wait = Math.max(0, state.last + LEAST_PAUSE_MS - performance.now());
  state.timer = setTimeout(() => {
    state.timer = 0;
    state.last = performance.now();
    const region = document.getElementById(id);
    if (!region) return;
    state.busy = true;
    window.htmx.trigger(region, "live");
  }, wait);
}

function done(id) {
  const state = pending.get(id);
  if (!state) return;
  state.busy = false;
  if (state.again) { state.again = false; refresh(id); }
}

export function startRegions(after) {
  const { htmx, Idiomorph } = window;
  Idiomorph.defaults.ignoreActiveValue = true;
  Idiomorph.defaults.restoreFocus = true;
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = keepOpen;
  Idiomorph.defaults.callbacks.beforeNodeMorphed = keepTyped;
  htmx.on("htmx:beforeSwap", (event) => {
    const region = event.detail.target;
    if (!region?.matches?.(SELECTOR) || !event.detail.shouldSwap) return;
    const fresh = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html").getElementById(region.id);
    if (!fresh || Number(fresh.dataset.seq) < Number(region.dataset.seq)) event.detail.shouldSwap = false;
    else if (isRead(region)) {
      const words = holdNew(region, fresh);
      if (words) announce(words);
      event.detail.serverResponse = fresh.outerHTML;
    }
  });
  htmx.on("htmx:afterSettle", after.settled);
  htmx.on("htmx:afterRequest", (event) => {
    const id = event.detail.elt?.id;
    if (!pending.has(id)) return;
    done(id);
    const status = event.detail.xhr?.status;
    if (status === 401 || status === 403) after.refused(status);
    const region = document.getElementById(id);
    if (region?.dataset.announce) announce(region.dataset.announce);
    showStaleness(false);
    after.refreshed();
  });
}

function keepOpen(name, node) {
  return !(name === "open" && node instanceof HTMLElement && /^(DETAILS|DIALOG)$/.test(node.tagName));
}

// A field that a person has changed keeps what was typed.
function keepTyped(old) {
  return !(old instanceof HTMLElement && /^(INPUT|TEXTAREA)$/.test(old.tagName) && old.value !== old.defaultValue);
}
