// The same question twice: as one person, and as everybody.
import {h, fill, announce, badge, count, empty, later, milliseconds, problem} from "./dom.js";
import {curl, get, item, randomUser, seg, send, shared, suggestions, userOptions} from "./api.js";
import {combo} from "./combo.js";
import {card, movement, openWhy, tile} from "./cards.js";

export const title = "Playground";

const examples = ["price:<30", "price:[10..50]", "attributes.colour:=navy", "brand:!=Ostano"];
const orders = [["", "Best match"], ["price:asc", "Price, low first"], ["price:desc", "Price, high first"], ["created_at:desc", "Newest first"]];
const facetFields = ["brand", "category.lvl0", "category.lvl1", "category.lvl2"];
const shownFields = "id,title,brand,categories,price,attributes.colour,available";
const pageSize = 10;
const still = matchMedia("(prefers-reduced-motion: reduce)");

export function show(root, params, frame) {
  const state = {
    q: params.get("q") ?? "", user: params.get("user") ?? shared.user, personalize: Number(params.get("p") ?? 1),
    filter: params.get("filter") ?? "", sort: params.get("sort") ?? "",
    chosen: {brand: new Set(params.getAll("brand")), category: new Set(params.getAll("category"))},
    level: "category.lvl0",
  };
  let asking = null, answers = null, explained = null, visitor = "";  // a visitor made here has no history to ask for

  // What is asked.

  const quoted = (value) => "`" + value.replaceAll("`", "") + "`";
  const levelOf = (path) => "category.lvl" + (path.split(" > ").length - 1);
  function filterBy() {
    const parts = state.filter.trim() ? [state.filter.trim()] : [];
    const {brand, category} = state.chosen;
    if (brand.size) parts.push(`brand:=[${[...brand].map(quoted).join(",")}]`);
    if (category.size) parts.push([...category].map((path) => `${levelOf(path)}:=${quoted(path)}`).join(" || "));
    return parts.length > 1 ? parts.map((part) => `(${part})`).join(" && ") : parts[0] ?? "";
  }
  const path = () => (state.q.trim() ? "/v1/search" : "/v1/recommend");
  function question(personal, more) {
    const body = {per_page: pageSize, include_fields: shownFields, ...more};
    if (state.q.trim()) body.q = state.q.trim();
    if (filterBy()) body.filter_by = filterBy();
    if (state.sort) body.sort_by = state.sort;
    if (personal && state.user) body.user_id = state.user;
    body.personalize = personal ? state.personalize : 0;
    return body;
  }

  // Controls.

  const q = combo({label: "Search", id: "query", hint: "empty: recommend", value: state.q, load: suggestions,
    pick: (option) => { state.q = option.label; ask(); },
    enter: (text) => { state.q = text; ask(); },
    typed: (text) => { if (text !== state.q) { state.q = text; ask(); } }});
  q.input.dataset.search = "";
  const user = combo({label: "As user", id: "user", hint: "or nobody", value: state.user, load: userOptions,
    pick: (option) => setUser(option.value), enter: (text) => setUser(text.trim())});
  user.input.addEventListener("change", () => setUser(user.input.value.trim()));
  const slider = h("input", {type: "range", id: "personalize", min: "0", max: "1", step: "0.05", value: String(state.personalize),
    oninput: () => { state.personalize = Number(slider.value); strength.textContent = slider.value; askSoon(); }});
  const strength = h("output", {for: "personalize"}, String(state.personalize));
  const filter = h("input", {type: "text", id: "filter", value: state.filter, spellcheck: "false",
    onchange: () => { state.filter = filter.value; ask(); }});
  const sort = h("select", {id: "sort", onchange: () => { state.sort = sort.value; ask(); }},
    orders.map(([value, name]) => h("option", {value, selected: value === state.sort}, name)));
  const past = h("div", {class: "past"});
  const note = h("div", {class: "note-line"});
  const facets = h("div", {class: "facets"});
  const mine = column("personal", "personal-results");
  const theirs = column("common", "common-results");

  function column(kind, id) {
    return {head: h("h2"), badges: h("div", {class: "badges"}), list: h("ol", {class: "cards", id, "aria-label": kind}),
      more: h("div"), copy: h("button", {type: "button", class: "quiet", onclick: () => copyCurl(kind === "personal")}, "Copy as curl")};
  }
  async function copyCurl(personal) {
    const text = curl(path(), question(personal));
    const button = (personal ? mine : theirs).copy;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
      announce("Copied as curl");
      setTimeout(() => { button.textContent = "Copy as curl"; }, 1500);
    } catch {
      fill((personal ? mine : theirs).more, h("pre", {class: "code-block", tabindex: "0"}, text));
    }
  }
  function setUser(id) {
    if (id === state.user) return;
    state.user = shared.user = id;
    user.input.value = id;
    showPast();
    ask();
  }

  const view = h("div", {class: "page playground"},
    h("h1", {class: "hidden"}, title),
    h("form", {class: "controls", role: "search", onsubmit: (event) => event.preventDefault()},
      h("div", {class: "control wide"}, q.element),
      h("div", {class: "control user"}, user.element,
        h("button", {type: "button", id: "random-user", onclick: () => randomUser().then(setUser, fail)}, "Random"),
        h("button", {type: "button", id: "new-visitor", onclick: () => {
          visitor = "visitor-" + crypto.getRandomValues(new Uint32Array(1))[0].toString(36);
          setUser(visitor);
        }}, "New visitor")),
      h("div", {class: "control"}, h("label", {for: "personalize"}, "Personalise ", strength), slider),
      h("div", {class: "control"}, h("label", {for: "sort"}, "Order"), sort)),
    past,
    h("div", {class: "playground-body"},
      h("aside", {class: "narrow-by", "aria-label": "Filters"},
        h("details", {open: innerWidth > 1100}, h("summary", "Filters"),
          h("label", {for: "filter"}, "filter_by", h("small", " a condition")), filter,
          h("div", {class: "examples"}, examples.map((text) => h("button", {type: "button", class: "chip", onclick: () => {
            filter.value = state.filter = state.filter === text ? "" : text;
            ask();
          }}, text))),
          facets)),
      h("div", {class: "answers"}, note,
        h("div", {class: "columns"}, [mine, theirs].map((one) =>
          h("section", {class: "column"}, h("header", {class: "column-head"}, one.head, one.copy, one.badges),
            one.list, one.more))))));
  root.append(view);

  function fail(error) {
    if (error.name === "AbortError") return;
    fill(note, problem(error));
    announce(error.message);
  }

  // Who asks.

  async function showPast() {
    const id = state.user;
    fill(past);
    if (!id) return void fill(past, h("span", {class: "muted"}, "Nobody is chosen. Choose a user, or be a new visitor, and see the left column become theirs."));
    let history = [];
    try {
      if (id !== visitor) history = (await get("/v1/users/" + seg(id), {limit: 6})).history;
    } catch (error) {
      if (error.status !== 404) return fail(error);
    }
    if (id !== state.user) return;
    if (history.length === 0) return void fill(past, h("span", {class: "muted"}, id, " has no history yet: click an item on the left and see the answer change."));
    const places = history.reverse().map((event) => {
      const place = h("a", {class: "past-item", href: "#/items?id=" + seg(event.item), title: event.title ?? event.item}, h("span", {class: "tile small"}),
        h("span", (event.title ?? event.item)));
      item(event.item).then((known) => place.firstChild.replaceWith(tile(known, "small")), () => {});
      return h("li", place);
    });
    fill(past, h("span", {class: "muted"}, "Lately"), h("ol", {class: "past-list", "aria-label": "What " + id + " did lately, the newest first"}, places),
      h("a", {href: "#/users?id=" + seg(id)}, "History"));
  }

  // The answer.

  async function ask(after) {
    asking?.abort();
    const mineNow = asking = new AbortController();
    explained = null;
    frame.note({q: state.q, user: state.user, p: state.personalize === 1 ? "" : state.personalize, filter: state.filter, sort: state.sort,
      brand: [...state.chosen.brand], category: [...state.chosen.category]});
    view.setAttribute("aria-busy", "true");
    const before = answers?.personal;
    try {
      const [personal, common] = await Promise.all([
        send("POST", path(), question(true), mineNow.signal),
        send("POST", path(), question(false, {facet_by: facetFields.join(","), max_facet_values: 12}), mineNow.signal)]);
      answers = {personal, common};
      showAnswers(before, after);
    } catch (error) {
      fail(error);
    } finally {
      if (asking === mineNow) view.removeAttribute("aria-busy");
    }
  }
  const askSoon = later(200, () => ask());

  function showAnswers(before, after) {
    const {personal, common} = answers;
    const recommends = path() === "/v1/recommend";
    const name = state.user || "nobody";
    fill(mine.head, recommends ? "Recommended for " : "For ", h("span", {class: "who"}, name));
    fill(theirs.head, recommends ? "What most people take" : "For everybody");
    showBadges(mine, personal, true);
    showBadges(theirs, common, false);
    const tops = tracked();
    fillCards(mine, personal.hits, common.hits, true);
    fillCards(theirs, common.hits, personal.hits, false);
    glide(tops);
    showNote(personal, common, before, after);
    showFacets(common);
  }

  function showBadges(one, answer, personal) {
    fill(one.badges, badge(`${count(answer.found)} found`), badge(milliseconds(answer.search_time_ms), "", "query " + answer.query_id),
      personal && (answer.personalized ? badge("personalised", "good") : badge(state.user ? "model had no say" : "not personal")),
      answer.degraded && badge("degraded: " + (answer.degraded_reason ?? "").replaceAll("_", " "), "warn"));
  }

  function fillCards(one, hits, others, personal) {
    const places = new Map(others.map((hit, i) => [hit.document.id, i + 1]));
    fill(one.more);
    fill(one.list, hits.map((hit, i) => {
      const there = places.get(hit.document.id) ?? 0;
      return card(hit, i + 1, {
        move: personal ? movement(i + 1, there, "the top ten of everybody") : there === 0 && badge("not on the left"),
        actions: h("div", {class: "actions"},
          h("button", {type: "button", class: "link", data: {action: "why"}, onclick: () => why(hit, personal)}, "Why"),
          personal && ["click", "order"].map((action) => h("button", {type: "button", class: "link", disabled: !state.user,
            title: state.user ? `Records: ${state.user} did ${action} this` : "Choose a user first", data: {action},
            onclick: (event) => happened(event.currentTarget, hit, i + 1, action)}, action === "click" ? "Click" : "Order"))),
      });
    }));
    if (hits.length === 0) fill(one.more, empty("Nothing matches. Take a filter away, or ask for something else."));
  }

  async function happened(button, hit, position, action) {
    button.disabled = true;
    const event = {user: state.user, item: hit.document.id, action, position, query_id: answers.personal.query_id};
    if (state.q.trim()) event.query = state.q.trim();
    try {
      await send("POST", "/v1/events", event);
      visitor = "";
      await ask({action, title: hit.document.title || hit.document.id});
      showPast();
    } catch (error) {
      button.disabled = false;
      fail(error);
    }
  }

  function why(hit, personal) {
    explained ??= {};
    const key = personal ? "personal" : "common";
    explained[key] ??= send("POST", path(), question(personal, {explain: true, search_cutoff_ms: 20000}));
    explained[key].catch(() => { delete explained?.[key]; });
    openWhy(hit.document, explained[key], personal ? state.user : "");
  }

  /** What the last event changed, or what was corrected. */
  function showNote(personal, common, before, after) {
    const lines = [];
    if (personal.corrected_query && personal.corrected_query !== state.q.trim().toLowerCase())
      lines.push(h("p", "Searched for ", h("strong", personal.corrected_query), "."));
    if (personal.dropped_words?.length) lines.push(h("p", "Left out: ", h("strong", personal.dropped_words.join(", ")), ": nothing has all the words."));
    if (after && before) {
      const old = before.hits.map((hit) => hit.document.id), now = personal.hits.map((hit) => hit.document.id);
      const fresh = now.filter((id) => !old.includes(id)).length;
      const moved = now.filter((id, i) => old.includes(id) && old[i] !== id).length;
      const text = fresh + moved === 0 ? "the first ten stay as they are."
        : `${fresh} new, ${moved} moved, of ${now.length}.`;
      for (const one of mine.list.children) one.classList.toggle("fresh", !old.includes(one.dataset.item));
      lines.push(h("p", {class: "changed", id: "changed"}, h("span", {class: "dot good"}), `After the ${after.action} on “${after.title}”: `, h("strong", text)));
      announce(`After the ${after.action}: ${text}`);
    } else {
      announce(`${personal.found} found for ${state.user || "nobody"}`);
    }
    fill(note, lines);
  }

  // Cards glide to their new places.

  function tracked() {
    return new Map([...mine.list.children].map((one) => [one.dataset.item, one.getBoundingClientRect().top]));
  }
  function glide(tops) {
    if (still.matches || tops.size === 0) return;
    for (const one of mine.list.children) {
      const old = tops.get(one.dataset.item), now = one.getBoundingClientRect().top;
      if (old === undefined) one.animate([{opacity: 0}, {opacity: 1}], {duration: 350});
      else if (old !== now) one.animate([{transform: `translateY(${old - now}px)`}, {transform: "none"}], {duration: 350, easing: "ease-out"});
    }
  }

  // What could be chosen instead.

  function showFacets(answer) {
    const of = (field) => answer.facet_counts.find((one) => one.field_name === field)?.counts ?? [];
    // The coarsest level with a choice, unless something finer is chosen already.
    const levels = facetFields.slice(1).filter((field) => of(field).length > 0);
    const finest = [...state.chosen.category].map(levelOf).sort().at(-1);
    const level = finest ?? levels.find((field) => of(field).length > 1) ?? levels.at(-1);
    const focused = document.activeElement?.dataset?.facet;
    fill(facets, [["category", "Category", level ? of(level) : []], ["brand", "Brand", of("brand")]].map(([name, label, counts]) => {
      const chosen = state.chosen[name];
      const rows = [...counts];
      for (const value of chosen) if (!rows.some((row) => row.value === value)) rows.push({value, count: 0});
      return rows.length > 0 && h("fieldset", h("legend", label, chosen.size > 0 && h("button", {type: "button", class: "link",
        onclick: () => { chosen.clear(); ask(); }}, "clear")),
      rows.map((row) => h("label", {class: "check"}, h("input", {type: "checkbox", checked: chosen.has(row.value), data: {facet: name + row.value},
        onchange: (event) => { event.target.checked ? chosen.add(row.value) : chosen.delete(row.value); ask(); }}),
      h("span", {class: "grow", title: row.value}, row.value.split(" > ").at(-1)), h("span", {class: "muted"}, count(row.count)))));
    }));
    if (focused) [...facets.querySelectorAll("[data-facet]")].find((box) => box.dataset.facet === focused)?.focus();
  }

  showPast();
  ask();
  return () => asking?.abort();
}
