// One socket a tab. The tab says what it shows and up to where; rows come in order, then live ones.
// After three failures it polls until the socket works again; a hidden tab lets go after a minute.
import { news, shown, startRegions } from "./regions.js";
import { clock, show, showStaleness } from "./words.js";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
const POLL_EVERY_MS = 5000;
const FAILURES_BEFORE_POLLING = 3;
const HIDDEN_AFTER_MS = 60_000;
const STALE_AFTER_MS = 30_000;
const SPREAD_AFTER_DEPLOY_MS = 10_000;
const GOING_AWAY = new Set([1001, 1012]);

const state = { socket: null, topics: new Map(), heads: new Map(), failures: 0, timer: 0, poll: 0, lost: 0, over: false };

export function startLive() {
  if (!document.getElementById("live-state") || !("WebSocket" in window) || !window.htmx) return;
  startRegions({ refused, refreshed, settled });
  document.addEventListener("visibilitychange", onVisibility);
  window.addEventListener("online", () => reconnect(0));
  window.addEventListener("pagehide", () => { state.over = true; state.socket?.close(1000); });
  window.addEventListener("pageshow", (event) => { if (event.persisted) { state.over = false; connect(); } });
  setInterval(watchAge, 1000);
  connect();
}

function connect() {
  clearTimeout(state.timer);
  if (state.socket || state.over || !shown().size) return;
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const socket = new WebSocket(`${scheme}://${location.host}/ws/events`);
  state.socket = socket;
  socket.onopen = () => { state.topics.clear(); state.heads.clear(); follow(); };
  socket.onmessage = (event) => hear(JSON.parse(event.data));
  socket.onclose = (event) => { if (state.socket === socket) { state.socket = null; onClose(event.code); } };
}

// Tell the server about topics that it does not know of yet, and those that are gone.
function follow() {
  if (state.socket?.readyState !== WebSocket.OPEN) return;
  const now = shown();
  const wish = (topic, after) => topic.startsWith("feed:") ? { feed: topic.slice(5), after } : { aggregate: topic, after };
  const fresh = [...now].filter(([topic]) => !state.topics.has(topic));
  const gone = [...state.topics.keys()].filter((topic) => !now.has(topic));
  if (fresh.length || gone.length) {
    state.socket.send(JSON.stringify({
      subscribe: fresh.map(([topic, after]) => wish(topic, after)),
      unsubscribe: gone.map((topic) => { const { after, ...rest } = wish(topic, 0); return rest; }),
    }));
  }
  for (const topic of gone) state.topics.delete(topic);
  for (const [topic, after] of fresh) state.topics.set(topic, after);
}

function hear(message) {
  if (message.type === "subscribed") {
    state.failures = 0;
    state.lost = 0;
    clearInterval(state.poll);
    state.poll = 0;
    state.heads.set(message.topic, message.head);
  } else if (message.type === "events") {
    take(message.topic, message.events);
  }
  say();
}

function take(topic, events) {
  const number = topic.startsWith("feed:") ? "seq" : "aggregate_seq";
  const last = events.at(-1)?.[number];
  if (last === undefined || last <= (state.topics.get(topic) ?? -1)) return;
  state.topics.set(topic, last);
  document.dispatchEvent(new CustomEvent("mesh-six:events", { detail: { topic, events } }));
  if (last >= (state.heads.get(topic) ?? 0)) news(topic, last); // while catching up, one fetch at its end is enough
}

function say() {
  if (state.over) return;
  const behind = [...state.heads].reduce((sum, [topic, head]) => sum + Math.max(0, head - (state.topics.get(topic) ?? head)), 0);
  if (state.socket?.readyState === WebSocket.OPEN && state.heads.size) {
    if (behind) show("behind", `Catching up, ${behind} behind`);
    else show("live", "Live");
  }
}

function onClose(code) {
  if (code === 4401) return refused(401);
  if (code === 4403) return refused(403);
  if (state.over || document.hidden && state.letGo) return;
  state.lost ||= Date.now();
  state.failures += 1;
  if (state.failures >= FAILURES_BEFORE_POLLING) startPolling();
  const exponential = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (state.failures - 1));
  const spread = GOING_AWAY.has(code) ? Math.random() * SPREAD_AFTER_DEPLOY_MS : 0;
  reconnect(exponential * (0.5 + Math.random() / 2) + spread);
}

function reconnect(pause) {
  clearTimeout(state.timer);
  state.retryAt = Date.now() + pause;
  state.timer = setTimeout(connect, pause);
  tellWait();
}

function tellWait() {
  if (state.socket || state.over) return;
  const seconds = Math.max(0, Math.ceil((state.retryAt - Date.now()) / 1000));
  if (!navigator.onLine) show("offline", `Offline since ${clock(new Date(state.lost || Date.now()))}`);
  else if (state.poll) show("polling", "Polling");
  else show("reconnecting", seconds ? `Reconnecting in ${seconds} s` : "Reconnecting");
}

function startPolling() {
  if (state.poll) return;
  state.poll = setInterval(poll, POLL_EVERY_MS);
  poll();
}

async function poll() {
  for (const [topic, after] of shown()) {
    const address = topic.startsWith("feed:")
      ? `/api/events?after_seq=${after}&limit=1000`
      : `/api/events/replay/${encodeURI(topic)}?after=${after}&limit=1000`;
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" } });
      if (answer.status === 401 || answer.status === 403) return refused(answer.status);
      if (!answer.ok) continue;
      const { results } = await answer.json();
      const kind = topic.startsWith("feed:") ? `${topic.slice(5)}:` : topic;
      take(topic, results.filter((event) => event.aggregate_id.startsWith(kind)));
      state.lost = 0;
    } catch {
      state.lost ||= Date.now();
    }
  }
}

// Regions may arrive later: panels fetch themselves once the page is there.
function settled() {
  if (state.socket) follow();
  else if (!state.failures) connect();
}

function watchAge() {
  if (!shown().size) return;
  if (state.lost && Date.now() - state.lost > STALE_AFTER_MS) showStaleness(true);
  if (!state.socket) tellWait();
}

function refreshed() {
  follow();
  for (const [topic, seq] of shown()) {
    const known = state.topics.get(topic) ?? 0;
    if (known > seq) news(topic, known);
  }
}

function refused(status) {
  state.over = true;
  clearInterval(state.poll);
  clearTimeout(state.timer);
  state.socket?.close(1000);
  state.socket = null;
  showStaleness(true);
  if (status === 403) return show("offline", "You may no longer see this");
  show("offline", "Signed out");
  const dialog = document.getElementById("session-dialog");
  dialog.addEventListener("close", () => { state.over = false; state.failures = 0; showStaleness(false); connect(); }, { once: true });
  if (!dialog.open) dialog.showModal();
}

function onVisibility() {
  clearTimeout(state.hiding);
  if (document.hidden) {
    state.hiding = setTimeout(() => { state.letGo = true; state.socket?.close(1000); }, HIDDEN_AFTER_MS);
  } else if (state.letGo) {
    state.letGo = false;
    connect();
  }
}
