// One person: what they did, what comes next, and what would come if they had done something else.
import {h, fill, announce, badge, empty, later, moment, panel, problem} from "./dom.js";
import {get, randomUser, seg, send, shared, suggestions, userOptions} from "./api.js";
import {combo} from "./combo.js";
import {card, movement, openWhy, smallRow} from "./cards.js";

export const title = "Users";

const shownFields = "id,title,brand,categories,price,attributes.colour,available";

export function show(root, params, frame) {
  let id = params.get("id") ?? shared.user;
  let history = [];
  let imagined = params.getAll("and").map((item) => ({id: item, title: undefined}));
  let dropped = new Set(), asking = 0;

  const user = combo({label: "User", id: "user", hint: "by id", value: id, load: userOptions,
    pick: (option) => open(option.value), enter: (text) => open(text.trim())});
  user.input.dataset.search = "";
  const body = h("div", {class: "three"});
  const timeline = h("div");
  const next = h("div");
  const whatIf = h("div");
  root.append(h("div", {class: "page"}, h("header", {class: "page-head"}, h("h1", title),
    h("p", {class: "lead"}, "What a person did, what the model expects next, and what it would expect otherwise.")),
  h("form", {class: "controls", onsubmit: (event) => event.preventDefault()}, h("div", {class: "control user"}, user.element,
    h("button", {type: "button", onclick: () => randomUser().then((one) => { user.input.value = one; open(one); })}, "Random"),
    h("a", {class: "button", id: "to-playground", href: "#/playground"}, "Search as this user"))), body));

  async function open(newId) {
    if (newId !== id) imagined = [], dropped = new Set();
    id = shared.user = newId;
    frame.note({id, and: imagined.map((one) => one.id)});
    root.querySelector("#to-playground").href = frame.hashOf("playground", {user: id});
    if (!id) return void fill(body, empty("Choose a user, or take a random one."));
    try {
      history = (await get("/v1/users/" + seg(id), {limit: 50})).history;
    } catch (error) {
      if (error.status !== 404) return void fill(body, problem(error));
      history = [];
    }
    fill(body, panel("History", timeline), panel("Next, as it is", next), panel("What if", controls(), whatIf));
    showTimeline();
    ask();
  }

  function showTimeline() {
    if (history.length === 0 && imagined.length === 0) return void fill(timeline, empty("There are no events of this user yet."));
    const row = (event, i, kind) => h("li", {class: kind + (dropped.has(i) ? " left-out" : "")},
      smallRow(event.item ?? event.id, event.title, h("span", {class: "event-side"},
        event.action ? badge(event.action) : kind === "imagined" ? badge("what if", "warn") : badge("training"),
        event.time ? moment(event.time) : null,
        kind === "imagined" ? h("button", {type: "button", class: "link", "aria-label": "Remove " + (event.title ?? event.id),
          onclick: () => { imagined = imagined.filter((one) => one !== event); changed(); }}, "Remove")
          : h("button", {type: "button", class: "link", "aria-pressed": String(dropped.has(i)),
            onclick: () => { dropped.has(i) ? dropped.delete(i) : dropped.add(i); changed(); }}, dropped.has(i) ? "Take back in" : "Leave out"))));
    fill(timeline, h("ol", {class: "timeline", reversed: true},
      [...imagined].reverse().map((event) => row(event, -1, "imagined")),
      history.map((event, i) => row(event, i, "was")).reverse()));
  }

  function controls() {
    const add = combo({label: "Append an item", id: "what-if", hint: "by title or id", load: (text, signal) => suggestions(text, signal, {queries: 0, items: 8}),
      pick: (option) => { imagined.push({id: option.value, title: option.label}); changed(); return ""; },
      enter: (text) => { if (text.trim()) { imagined.push({id: text.trim()}); add.input.value = ""; changed(); } }});
    return h("div", {class: "what-if"}, add.element, h("p", {class: "hint"}, "Nothing is recorded: only the question changes."));
  }
  const changed = () => { frame.note({id, and: imagined.map((one) => one.id)}); showTimeline(); askSoon(); };

  async function ask() {
    const mine = ++asking;
    const real = history.map((event) => event.item);
    const other = [...history.filter((_, i) => !dropped.has(i)).map((event) => event.item), ...imagined.map((event) => event.id)];
    const same = dropped.size === 0 && imagined.length === 0;
    const question = (items, more) => send("POST", "/v1/recommend", {history: items, limit: 10, include_fields: shownFields, ...more});
    try {
      const [before, after] = await Promise.all([question(real), same ? null : question(other)]);
      if (mine !== asking) return;
      list(next, before, null, real);
      if (same) fill(whatIf, empty("Append an item, or leave an event of the history out, and compare."));
      else {
        list(whatIf, after, before, other);
        const old = before.hits.map((hit) => hit.document.id);
        announce(`${after.hits.filter((hit) => !old.includes(hit.document.id)).length} of ${after.hits.length} are new`);
      }
    } catch (error) { if (mine === asking) fill(next, problem(error)); }

    function list(place, answer, against, items) {
      const old = against ? new Map(against.hits.map((hit, i) => [hit.document.id, i + 1])) : null;
      let explained = null;
      fill(place, answer.degraded && badge("degraded: " + answer.degraded_reason, "warn"),
        h("ol", {class: "cards compact", id: against ? "after" : "before"}, answer.hits.map((hit, i) => card(hit, i + 1, {
          move: old && movement(i + 1, old.get(hit.document.id) ?? 0, "the list as it is"),
          actions: h("div", {class: "actions"},
            h("button", {type: "button", class: "link", onclick: () => {
              explained ??= question(items, {explain: true, search_cutoff_ms: 20000});
              openWhy(hit.document, explained, id);
            }}, "Why"),
            h("button", {type: "button", class: "link", onclick: () => {
              imagined.push({id: hit.document.id, title: hit.document.title});
              changed();
            }}, "What if")),
        }))), answer.hits.length === 0 && empty("Nothing comes next."));
    }
  }
  const askSoon = later(150, ask);

  open(id);
  return () => { asking = -1; };
}
