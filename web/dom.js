// Elements without markup: every text becomes a text node, so that no data can become a tag.

/** h("li", {class: "x", onclick: f}, "text", child, [more]); null, undefined and false children are left out. */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  if (props !== undefined && (props === null || typeof props !== "object" || props instanceof Node || Array.isArray(props))) {
    children.unshift(props);
    props = {};
  }
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "css") for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
    else if (name === "value" || name === "checked") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(element, child);
    else if (child !== null && child !== undefined && child !== false) element.append(child);
  }
}

export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

const entities = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": "\"", "&#39;": "'"};

/** The text of a snippet, with <mark> elements where the service put its tags. Its entities become the characters that they
    stand for, as all of it ends in text nodes. */
export function marked(snippet) {
  const plain = (text) => text.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => entities[entity]);
  return snippet.split(/(<mark>.*?<\/mark>)/s).map((part) =>
    part.startsWith("<mark>") && part.endsWith("</mark>") ? h("mark", plain(part.slice(6, -7))) : plain(part));
}

export function announce(text) {
  const place = document.getElementById("announce");
  place.textContent = "";
  setTimeout(() => { place.textContent = text; }, 30);
}

/** Calls after the last of several calls within `ms`. */
export function later(ms, work) {
  let timer = 0;
  return (...values) => { clearTimeout(timer); timer = setTimeout(() => work(...values), ms); };
}

// Numbers and times.

const kinds = {
  whole: new Intl.NumberFormat("en"),
  price: new Intl.NumberFormat("en", {minimumFractionDigits: 2, maximumFractionDigits: 2}),
};
export const count = (n) => kinds.whole.format(n);
export const price = (n) => (typeof n === "number" ? kinds.price.format(n) : "");
export const milliseconds = (ms) => (ms < 10 ? ms.toFixed(1) : String(Math.round(ms))) + " ms";
export const score = (x) => (Math.abs(x) >= 100 ? x.toFixed(0) : Math.abs(x) >= 0.1 || x === 0 ? x.toFixed(2) : x.toPrecision(2));
export const percent = (x) => (100 * x).toFixed(x > 0 && x < 0.1 ? 1 : 0) + "%";
export function bytes(n) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  while (n >= 1000 && unit < units.length - 1) { n /= 1000; ++unit; }
  return (unit === 0 || n >= 100 ? n.toFixed(0) : n.toFixed(1)) + " " + units[unit];
}
export function duration(seconds) {
  if (!isFinite(seconds)) return "–";
  if (seconds < 1) return milliseconds(1000 * seconds);
  if (seconds < 120) return seconds.toFixed(seconds < 10 ? 1 : 0) + " s";
  if (seconds < 7200) return Math.round(seconds / 60) + " min";
  if (seconds < 172800) return Math.round(seconds / 3600) + " h";
  return Math.round(seconds / 86400) + " days";
}
export function moment(seconds) {
  const date = new Date(1000 * seconds), pad = (n) => String(n).padStart(2, "0");
  const text = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ` +
    `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
  return h("time", {datetime: date.toISOString(), title: date.toISOString()}, text);
}

// Parts that several screens show.

export function panel(title, ...children) {
  return h("section", {class: "panel"}, h("h2", title), children);
}
export function page(title, lead, ...children) {
  return h("div", {class: "page"}, h("header", {class: "page-head"}, h("h1", title), lead && h("p", {class: "lead"}, lead)),
    children);
}
export function badge(text, kind = "", title) {
  return h("span", {class: "badge " + kind, title}, text);
}
export function empty(text, ...more) {
  return h("p", {class: "empty"}, text, more);
}
export function problem(error) {
  return h("div", {class: "problem", role: "alert"}, h("strong", error.title ?? "It did not work"),
    h("span", error.message), error.status === 401 && h("span", "Give a key with the button at the top."));
}
export function table(caption, heads, rows) {
  const number = (head) => (head.startsWith("#") ? "number" : undefined);
  return h("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": caption},
    h("table", h("caption", {class: "hidden"}, caption),
      h("thead", h("tr", heads.map((head) => h("th", {scope: "col", class: number(head)}, head.replace(/^#/, ""))))),
      h("tbody", rows.map((row) => h("tr", row.map((cell, i) =>
        i === 0 ? h("th", {scope: "row", class: number(heads[i])}, cell) : h("td", {class: number(heads[i])}, cell)))))));
}
/** A bar of a share from 0 to 1, for the eye alone: the number stands beside it. */
export function bar(share, kind = "") {
  return h("span", {class: "bar " + kind, "aria-hidden": "true"},
    h("span", {css: {width: 100 * Math.max(0, Math.min(1, share || 0)) + "%"}}));
}
export function pairs(entries) {
  return h("dl", {class: "pairs"}, entries.map(([name, value]) => h("div", h("dt", name), h("dd", value))));
}

/** A question in the middle of the page. `make(close)` gives title, body and buttons. */
export function openBox(make) {
  const box = document.getElementById("box");
  const close = () => box.close();
  const {title, body, buttons} = make(close);
  fill(box, h("h2", {id: "box-title"}, title), body, h("div", {class: "buttons"}, buttons));
  box.showModal();
  return close;
}
export function confirmBox(title, text, action, work) {
  openBox((close) => ({
    title,
    body: h("p", text),
    buttons: [h("button", {type: "button", class: "primary", onclick: () => { close(); work(); }}, action),
      h("button", {type: "button", onclick: close}, "Cancel")],
  }));
}
