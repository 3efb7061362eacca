// The frame: screens by the hash of the address, theme, key, shortcuts.
import {h, fill, announce, openBox} from "./dom.js";
import {apiKey, get, getText, setApiKey} from "./api.js";
import * as playground from "./playground.js";
import * as users from "./users.js";
import * as items from "./items.js";
import * as codes from "./codes.js";
import * as models from "./models.js";
import * as events from "./events.js";
import * as operations from "./operations.js";

const screens = {playground, users, items, codes, models, events, operations};
const main = document.getElementById("main");
let leave = null, current = "";

function address() {
  const [path, search = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return {name: path in screens ? path : "playground", params: new URLSearchParams(search)};
}
function hashOf(name, params) {
  const kept = Object.entries(params ?? {}).flatMap(([key, value]) => [value].flat().map((one) => [key, one]))
    .filter(([, value]) => value !== "" && value !== undefined && value !== null);
  const search = new URLSearchParams(kept).toString();
  return `#/${name}${search ? "?" + search : ""}`;
}
const go = (name, params) => { location.hash = hashOf(name, params); };
/** Notes the state of a screen in the address, without showing the screen anew. */
const note = (params) => history.replaceState(null, "", hashOf(current, params));

function show() {
  const {name, params} = address();
  leave?.();
  const moved = current !== "" && current !== name;
  current = name;
  document.title = screens[name].title + " · Tessera";
  for (const link of document.querySelectorAll("#nav a"))
    link.toggleAttribute("aria-current", false), link.dataset.name === name && link.setAttribute("aria-current", "page");
  main.replaceChildren();
  leave = screens[name].show(main, params, {go, note, hashOf}) ?? null;
  if (!moved) return;
  main.focus({preventScroll: true});
  scrollTo(0, 0);
  announce(screens[name].title);
}

// Theme: as the system, unless chosen.

const themes = ["auto", "light", "dark"];
function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  const button = document.getElementById("theme-button");
  const names = {auto: "Auto", light: "Light", dark: "Dark"};
  button.textContent = names[theme];
  button.setAttribute("aria-label", "Theme: " + (theme === "auto" ? "as the system" : theme));
  try { localStorage.setItem("tessera.theme", theme); } catch { /* a browser that keeps nothing */ }
}

// Key.

let asking = false;
function askKey(why) {
  if (asking) return;
  asking = true;
  const input = h("input", {id: "key-input", type: "password", autocomplete: "off", value: apiKey(), spellcheck: "false"});
  document.getElementById("box").addEventListener("close", () => { asking = false; }, {once: true});
  openBox((close) => {
    const use = (key) => { setApiKey(key); close(); refreshStatus(); show(); };
    const form = h("form", {onsubmit: (event) => { event.preventDefault(); use(input.value.trim()); }},
      h("p", why), h("label", {for: "key-input"}, "API key with the scope admin"), input,
      h("p", {class: "hint"}, "It stays in this tab and is gone when the tab closes."));
    return {title: "API key", body: form, buttons: [
      h("button", {type: "button", class: "primary", onclick: () => use(input.value.trim())}, "Use this key"),
      h("button", {type: "button", onclick: () => use("")}, "Forget it"),
      h("button", {type: "button", onclick: close}, "Cancel")]};
  });
}

// Status in the header.

let model = "";
async function refreshStatus(anew = false) {
  const place = document.getElementById("status");
  try {
    const phase = (await getText("/readyz").catch((error) => error.message)).trim();
    // Asked for once: a question of ours should not show in the measurements again and again.
    if (anew || model === "")
      try { model = (await get("/v1/recommend", {limit: 0, personalize: 0})).model_version; } catch { /* no key yet */ }
    fill(place, h("span", {class: "dot " + (phase === "ready" ? "good" : "bad")}), h("span", phase),
      model && h("span", {class: "model"}, model));
  } catch {
    fill(place, h("span", {class: "dot bad"}), "no answer");
  }
}

// Shortcuts: "/" to the search field, "g" and a letter to a screen, "?" for the list.

const letters = {p: "playground", u: "users", i: "items", s: "codes", m: "models", e: "events", o: "operations"};
function help() {
  const rows = [["/", "to the search field"], ["Esc", "close what is open"], ["?", "this list"],
    ...Object.entries(letters).map(([letter, name]) => [`g ${letter}`, "to " + screens[name].title])];
  openBox((close) => ({
    title: "Keyboard",
    body: h("dl", {class: "keys"}, rows.map(([keys, what]) =>
      h("div", h("dt", keys.split(" ").map((key) => h("kbd", key))), h("dd", what)))),
    buttons: [h("button", {type: "button", class: "primary", onclick: close}, "Close")],
  }));
}
let pending = 0;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.matches("input, textarea, select")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === "?") return help();
  if (event.key === "/") {
    const field = main.querySelector("[data-search], .combo input, input");
    if (field) { event.preventDefault(); field.focus(); field.select?.(); }
  } else if (event.key === "g") {
    pending = Date.now();
  } else if (Date.now() - pending < 1500 && letters[event.key]) {
    pending = 0;
    go(letters[event.key]);
  }
});

for (const dialog of document.querySelectorAll("dialog"))
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
document.getElementById("key-button").addEventListener("click", () => askKey("Needed where the service has keys."));
document.getElementById("help-button").addEventListener("click", help);
document.getElementById("theme-button").addEventListener("click", () =>
  setTheme(themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % themes.length]));
document.addEventListener("tessera:model", () => refreshStatus(true));
document.addEventListener("tessera:unauthorized", () => askKey("The service wants a key for this."));

fill(document.getElementById("nav"), Object.entries(screens).map(([name, screen]) =>
  h("li", h("a", {href: "#/" + name, data: {name}}, screen.title))));
let stored = "auto";
try { stored = localStorage.getItem("tessera.theme") ?? "auto"; } catch { /* as the system */ }
setTheme(themes.includes(stored) ? stored : "auto");
addEventListener("hashchange", show);
show();
refreshStatus();
setInterval(() => { if (document.visibilityState === "visible") refreshStatus(); }, 15000);
