// How an item looks: its tile, its row in a list, and why it is there.
import {h, fill, marked, bar, price, score} from "./dom.js";
import {item as itemById} from "./api.js";

const paints = {
  black: "#26272b", white: "#f1f0ec", grey: "#8d9199", gray: "#8d9199", silver: "#c3c7cd", red: "#c8403c", burgundy: "#7d2438",
  pink: "#e791ae", orange: "#e0812f", yellow: "#e8c547", gold: "#cfa545", green: "#3f8f5b", olive: "#7c7f3b", teal: "#2a8c8c",
  turquoise: "#3bb6b0", blue: "#3e6fc9", navy: "#24365f", "sky blue": "#7fb7e6", purple: "#7a55b5", lavender: "#b6a3e0",
  brown: "#80573a", beige: "#dccbb0", cream: "#efe4cd", khaki: "#b3a878", mint: "#9ed8bf", coral: "#ee7f6c",
};

const leafOf = (item) => item.categories?.[0]?.at(-1) ?? "";

function paintOf(item) {
  const colour = String(item.attributes?.colour ?? item.attributes?.color ?? "").toLowerCase();
  if (paints[colour]) return paints[colour];
  let hash = 0;
  for (const char of leafOf(item) || item.id || "") hash = (hash * 31 + char.codePointAt(0)) >>> 0;
  return `hsl(${hash % 360} 38% 52%)`;
}

function isPale(paint) {
  const hex = /^#(..)(..)(..)$/.exec(paint);
  if (!hex) return false;
  const [r, g, b] = hex.slice(1).map((two) => parseInt(two, 16));
  return 0.299 * r + 0.587 * g + 0.114 * b > 150;
}

/** A small square in the item's colour with its category's initials: the same item always looks the same. */
export function tile(item, size = "") {
  const paint = paintOf(item);
  const words = (leafOf(item) || item.title || item.id).split(/\s+/).filter((word) => /^\p{L}/u.test(word));
  const initials = words.length > 1 ? words.slice(0, 2).map((word) => word[0].toUpperCase()).join("") : words[0]?.replace(/\P{L}/gu, "").slice(0, 2) ?? "·";
  return h("span", {class: `tile ${size} ${isPale(paint) ? "pale" : ""}`, "aria-hidden": "true", css: {"--paint": paint}}, initials);
}

/** "Brand · Category · 12.50" */
export function facts(item) {
  return h("p", {class: "facts"}, [item.brand, leafOf(item)].filter(Boolean).map((text) => h("span", text)),
    typeof item.price === "number" && h("span", {class: "price"}, price(item.price)),
    item.available === false && h("span", {class: "badge bad"}, "not available"));
}

export function titleOf(item, highlights = []) {
  const found = highlights.find((one) => one.field === "title");
  return found ? marked(found.snippet) : item.title || item.id;
}

export const itemLink = (item, highlights) =>
  h("a", {class: "title", href: "#/items?id=" + encodeURIComponent(item.id)}, titleOf(item, highlights));

/** A row that is filled when the item is known. @param more  elements at its end */
export function smallRow(id, title, ...more) {
  const place = h("span", {class: "tile small"});
  const row = h("div", {class: "small-row"}, place, h("div", {class: "grow"},
    h("a", {class: "title", href: "#/items?id=" + encodeURIComponent(id)}, title ?? id)), more);
  itemById(id).then((item) => {
    place.replaceWith(tile(item, "small"));
    row.querySelector(".title").textContent = item.title || id;
  }).catch(() => {});
  return row;
}

/** Where an item went: its place here against its place elsewhere (from 1; 0: it is not there). */
export function movement(here, there, elsewhere) {
  if (there === 0) return h("span", {class: "move new", title: `not in ${elsewhere}`}, "new", h("span", {class: "hidden"}, ` (not in ${elsewhere})`));
  if (here === there) return h("span", {class: "move same", title: `the same place in ${elsewhere}`}, "=",
    h("span", {class: "hidden"}, ` the same place in ${elsewhere}`));
  const up = there > here;
  return h("span", {class: "move " + (up ? "up" : "down"), title: `place ${there} in ${elsewhere}`},
    h("span", {"aria-hidden": "true"}, (up ? "▲" : "▼") + Math.abs(there - here)),
    h("span", {class: "hidden"}, `${up ? "up" : "down"} ${Math.abs(there - here)} against ${elsewhere}`));
}

/** One card of a ranking. */
export function card(hit, place, {move, actions} = {}) {
  const item = hit.document;
  return h("li", {class: "card", data: {item: item.id}},
    h("span", {class: "place", "aria-label": "Place " + place}, String(place)), tile(item),
    h("div", {class: "grow"}, h("h3", itemLink(item, hit.highlights)), facts(item),
      h("div", {class: "card-foot"}, move, actions)));
}

// The drawer that explains.

function contributions(explain) {
  const {text, personal} = explain.scores;
  const row = (name, part, kind, what) => h("li",
    h("span", {class: "grow"}, name), part
      ? [bar(1 / Math.sqrt(part.rank), kind), h("span", {class: "value"}, `place ${part.rank}`, h("small", `${what} ${score(part.score)}`))]
      : h("span", {class: "value muted"}, "no say"));
  return h("ul", {class: "bars"}, row("What was asked (text)", text, "", "BM25"),
    row("What this person wants (model)", personal, "personal", "log p"));
}

function wordRows(words) {
  const most = Math.max(...words.map((word) => word.weight), 1e-9);
  return h("ul", {class: "bars"}, words.slice(0, 12).map((word) => h("li",
    h("span", {class: "grow"}, h("strong", word.term), h("small", " in ", word.field)), bar(word.weight / most),
    h("span", {class: "value"}, score(word.weight)))));
}

export function codePath(path) {
  const links = path.map((_, i) => path.slice(0, i + 1).map((one) => one.code).join(","));
  return h("ol", {class: "codes"}, path.map((one, i) => h("li",
    h("a", {class: "code", href: "#/codes?path=" + links[i]}, String(one.code)),
    h("span", one.words || h("span", {class: "muted"}, "no words of its own")))));
}

function becauseRows(because) {
  const most = Math.max(...because.map((one) => one.effect), 1e-9);
  return h("div", {class: "because"}, because.map((one) =>
    smallRow(one.item, undefined, bar(one.effect / most, "personal"), h("span", {class: "value"}, "+" + score(one.effect)))));
}

/** Fills and opens the drawer. @param question  resolves to the explained answer */
export function openWhy(item, question, who) {
  const drawer = document.getElementById("drawer");
  const body = h("div", {class: "drawer-body"}, h("p", {class: "busy"}, "Asking the model what moves it …"));
  fill(drawer, h("header", tile(item), h("div", {class: "grow"}, h("h2", {id: "drawer-title"}, item.title || item.id), facts(item)),
    h("button", {type: "button", class: "quiet", "aria-label": "Close", autofocus: true, onclick: () => drawer.close()}, "✕")), body);
  drawer.showModal();
  question.then((answer) => {
    const hit = answer.hits.find((one) => one.document.id === item.id);
    if (!hit) return fill(body, h("p", "It is no longer in the answer."));
    const why = hit.explain;
    fill(body,
      h("section", h("h3", "Why it stands here"), contributions(why),
        why.pinned && h("p", "A rule pins it to this place.")),
      h("section", h("h3", "Semantic ID, in words"), why.semantic_id.length
        ? codePath(why.semantic_id) : h("p", {class: "muted"}, "This model works without semantic IDs.")),
      h("section", h("h3", "Events that speak for it"), why.because.length
        ? [becauseRows(why.because), h("p", {class: "hint"}, "By how much the model's log-probability falls when the event is left out.")]
        : h("p", {class: "muted"}, !who ? "This list is the same for everybody: no history speaks."
          : answer.degraded ? "The model was too busy to look at each event. Ask again." : "No single event moves it.")),
      why.words.length > 0 && h("section", h("h3", "Words that match"), wordRows(why.words)),
      h("p", h("a", {href: "#/items?id=" + encodeURIComponent(item.id), onclick: () => drawer.close()}, "Open the item")));
  }).catch((error) => fill(body, h("p", {role: "alert"}, error.message)));
}
