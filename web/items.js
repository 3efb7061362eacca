// One item: its fields, its semantic ID, what is near, and what can be changed.
import {h, fill, announce, badge, empty, pairs, panel, price, problem} from "./dom.js";
import {forget, get, remember, seg, send, suggestions} from "./api.js";
import {combo} from "./combo.js";
import {card, codePath, facts, tile} from "./cards.js";

export const title = "Items";

const shownFields = "id,title,brand,categories,price,attributes.colour,available";
const template = {title: "Burgundy Lipstick, Matte", brand: "Ostano", categories: [["Beauty", "Makeup", "Lipsticks"]], price: 12.5,
  attributes: {colour: "burgundy"}, available: true};

export function show(root, params, frame) {
  let id = params.get("id") ?? "";
  const find = combo({label: "Find an item", id: "find-item", hint: "by words of its title, or its id", load: (text, signal) => suggestions(text, signal, {queries: 0, items: 10}),
    pick: (option) => { open(option.value); return option.label; }, enter: (text) => { if (text.trim()) open(text.trim()); }});
  find.input.dataset.search = "";
  const body = h("div");
  root.append(h("div", {class: "page"}, h("header", {class: "page-head"}, h("h1", title),
    h("p", {class: "lead"}, "An item as it is at this moment. A change is in every answer from the next one on.")),
  h("form", {class: "controls", onsubmit: (event) => event.preventDefault()}, h("div", {class: "control wide"}, find.element),
    h("button", {type: "button", onclick: () => openNew()}, "New item")), body));

  async function first() {
    try {
      const {items} = await get("/v1/items", {limit: 12});
      fill(body, panel("Some items", h("ol", {class: "cards grid"}, items.map((item, i) => card({document: item}, i + 1)))));
    } catch (error) { fill(body, problem(error)); }
  }

  async function open(newId) {
    id = newId;
    frame.note({id});
    fill(body, h("p", {class: "busy"}, "…"));
    try {
      const item = await get("/v1/items/" + seg(id));
      if (id !== newId) return;
      remember(item);
      const path = h("div"), near = h("div");
      fill(body, h("div", {class: "item-head"}, tile(item, "large"), h("div", {class: "grow"}, h("h2", item.title || item.id), facts(item),
        h("p", {class: "muted"}, item.id))),
      h("div", {class: "two"},
        h("div", panel("Fields", fields(item)), panel("Change it", form(item))),
        h("div", panel("Semantic ID", path), panel("Near it", near))));
      showPath(item, path);
      showNear(item, near);
    } catch (error) {
      if (id === newId) fill(body, problem(error));
    }
  }

  function fields(item) {
    const {attributes = {}, categories = [], ...rest} = item;
    delete rest.semantic_id;
    const text = (value) => (Array.isArray(value) ? value.join(", ") : typeof value === "object" ? JSON.stringify(value) : String(value));
    const order = ["id", "title", "description", "brand", "price", "available", "created_at", "image"];
    const known = order.filter((name) => name in rest).concat(Object.keys(rest).filter((name) => !order.includes(name)));
    const own = known.map((name) => [name, name === "price" ? price(rest[name]) : text(rest[name])]);
    own.push(["categories", categories.map((path) => path.join(" › ")).join("; ")]);
    return [pairs(own.filter(([, value]) => value !== "")), Object.keys(attributes).length > 0 && [h("h3", "Attributes"),
      pairs(Object.entries(attributes).map(([name, value]) => [name, text(value)]))]];
  }

  async function showPath(item, place) {
    if (!item.semantic_id) return void fill(place, empty("The model in use gives items no semantic ID."));
    const numbers = h("p", {class: "muted"}, item.semantic_id.join(" – "));
    try {
      const node = await get("/v1/semantic_ids", {path: item.semantic_id.join(",")});
      fill(place, codePath(node.trail), node.items > 1 && h("p", badge(`${node.items} items share this ID`, "warn")));
    } catch { fill(place, numbers); }
  }

  async function showNear(item, place) {
    try {
      const {hits} = await get("/v1/similar/" + seg(item.id), {limit: 8, include_fields: shownFields});
      fill(place, hits.length ? h("ol", {class: "cards compact"}, hits.map((hit, i) => card(hit, i + 1, {
        move: h("small", {title: "cosine of the vectors"}, `near ${hit.score.toFixed(2)}`)}))) : empty("Nothing is near."));
    } catch (error) { fill(place, problem(error)); }
  }

  function form(item) {
    const cost = h("input", {type: "number", id: "item-price", step: "0.01", min: "0", value: item.price ?? ""});
    const there = h("input", {type: "checkbox", id: "item-available", checked: item.available !== false});
    const said = h("p", {role: "status", class: "hint"});
    return h("form", {class: "fields", onsubmit: async (event) => {
      event.preventDefault();
      const patch = {available: there.checked, price: cost.value === "" ? null : Number(cost.value)};
      try {
        await send("PATCH", "/v1/items/" + seg(item.id), patch);
        forget(item.id);
        await open(item.id);
        announce("Saved");
      } catch (error) { fill(said, error.message); }
    }}, h("div", h("label", {for: "item-price"}, "Price"), cost),
    h("label", {class: "check"}, there, h("span", "Available")),
    h("div", {class: "buttons"}, h("button", {class: "primary"}, "Save"),
      h("button", {type: "button", onclick: () => openNew(item)}, "As JSON")), said);
  }

  /** Puts an item, new or in place of an old one. */
  function openNew(old) {
    const {semantic_id: _, ...fieldsOfOld} = old ?? {id: "new-" + Date.now().toString(36), ...template};
    const area = h("textarea", {id: "item-json", rows: "18", spellcheck: "false", value: JSON.stringify(fieldsOfOld, null, 2)});
    const said = h("div", {role: "status"});
    fill(body, panel(old ? "The item as JSON" : "A new item", h("form", {class: "fields", onsubmit: async (event) => {
      event.preventDefault();
      try {
        const item = JSON.parse(area.value);
        if (typeof item.id !== "string" || item.id === "") throw new Error("The item needs an \"id\".");
        await send("PUT", "/v1/items/" + seg(item.id), item);
        forget(item.id);
        await open(item.id);
        announce("The item can be found and recommended");
      } catch (error) { fill(said, problem(error)); }
    }}, h("label", {for: "item-json"}, "JSON"), area, h("p", {class: "hint"}, "It can be searched and recommended as soon as this is answered."),
    h("div", {class: "buttons"}, h("button", {class: "primary"}, "Put"),
      h("button", {type: "button", onclick: () => (old ? open(old.id) : first())}, "Cancel")), said)));
    area.focus();
  }

  if (id) open(id);
  else first();
}
