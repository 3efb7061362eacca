// What people do, as it comes in.
import {h, fill, badge, bar, count, empty, moment, page, panel, percent, problem, table} from "./dom.js";
import {get, seg} from "./api.js";

export const title = "Events";

export function show(root) {
  const body = h("div"), counts = h("div"), state = h("p", {class: "muted", id: "events-total"});
  const pause = h("button", {type: "button", "aria-pressed": "false", onclick: () => {
    running = !running;
    pause.setAttribute("aria-pressed", String(!running));
    pause.textContent = running ? "Pause" : "Go on";
    if (running) load();
  }}, "Pause");
  root.append(page(title, "The newest events, every two seconds. Each is durable before it is acknowledged, and in the person's next answer.",
    h("div", {class: "controls middle"}, pause, state), h("div", {class: "two narrow-left"}, counts, body)));
  let running = true, newest = -1, timer = 0;

  async function load() {
    clearTimeout(timer);
    if (running && document.visibilityState === "visible") {
      try {
        const {events, total} = await get("/v1/events", {limit: 100});
        if (events.length !== 0 || newest < 0) showEvents(events, total);
      } catch (error) { fill(body, problem(error)); }
    }
    if (running) timer = setTimeout(load, 2000);
  }

  function showEvents(events, total) {
    const latest = [...events].sort((a, b) => b.sequence - a.sequence);
    const before = newest;
    newest = latest[0]?.sequence ?? 0;
    state.textContent = `${count(total)} events in the store`;
    if (before === newest) return;
    const by = new Map();
    for (const event of latest) by.set(event.action, (by.get(event.action) ?? 0) + 1);
    const joined = latest.filter((event) => event.query_id).length;
    fill(counts, panel("By action", latest.length === 0 ? empty("–") : [h("ul", {class: "bars"}, [...by].sort((a, b) => b[1] - a[1]).map(([action, n]) =>
      h("li", h("span", {class: "grow"}, action), bar(n / latest.length), h("span", {class: "value"}, count(n))))),
    h("p", {class: "hint"}, `Of the newest ${latest.length}. ${percent(joined / latest.length)} name the answer that they follow (query_id).`)]));
    fill(body, panel("Newest", latest.length === 0 ? empty("Nothing has happened yet. Click an item in the playground.") :
      table("Newest events", ["#No.", "Time", "Who", "What", "Item or query", "#Place"], latest.map((event) => [
        before >= 0 && event.sequence > before ? h("strong", String(event.sequence)) : String(event.sequence), moment(event.time),
        event.user ? h("a", {href: "#/users?id=" + seg(event.user)}, event.user) : h("span", {class: "muted"}, "session " + event.session),
        badge(event.action), event.item ? h("a", {href: "#/items?id=" + seg(event.item)}, event.item) : `“${event.query ?? ""}”`,
        event.position ? String(event.position) : ""]))));
  }

  const wake = () => { if (document.visibilityState === "visible" && running) load(); };
  document.addEventListener("visibilitychange", wake);
  load();
  return () => { running = false; clearTimeout(timer); document.removeEventListener("visibilitychange", wake); };
}
