// A text field with a list of options under it, after the combobox pattern of the ARIA practices guide.
import {h, fill, later} from "./dom.js";

let next = 0;

/**
 * @param load   (text, signal) -> options {value, label, hint?, group?}
 * @param pick   (option) -> called when one is chosen; the field then shows what it returns, or the label
 * @param enter  (text) -> called for Enter without an option; optional
 * @param typed  (text) -> called a moment after typing; optional
 */
export function combo({label, hint, value = "", load, pick, enter, typed, id}) {
  const name = id ?? "combo-" + ++next;
  const list = h("ul", {class: "options", id: name + "-list", role: "listbox", "aria-label": label, hidden: true});
  const input = h("input", {id: name, type: "text", role: "combobox", autocomplete: "off", spellcheck: "false", value,
    "aria-expanded": "false", "aria-controls": list.id, "aria-autocomplete": "list"});
  let options = [], active = -1, asking = null;

  const close = () => {
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const choose = (option) => {
    const shown = pick(option);
    input.value = shown ?? option.label;
    close();
  };
  const mark = (to) => {
    const rows = list.querySelectorAll("[role=option]");
    rows[active]?.setAttribute("aria-selected", "false");
    active = to;
    rows[active]?.setAttribute("aria-selected", "true");
    rows[active]?.scrollIntoView({block: "nearest"});
    if (active < 0) input.removeAttribute("aria-activedescendant");
    else input.setAttribute("aria-activedescendant", rows[active].id);
  };
  const show = () => {
    let group = "";
    fill(list, options.map((option, i) => {
      const head = option.group && option.group !== group && h("li", {class: "group", role: "presentation"}, option.group);
      group = option.group ?? group;
      return [head, h("li", {role: "option", id: `${name}-${i}`, "aria-selected": "false",
        onmousedown: (event) => { event.preventDefault(); choose(option); }},
      h("span", option.label), option.hint && h("small", option.hint))];
    }));
    active = -1;
    list.hidden = options.length === 0;
    input.setAttribute("aria-expanded", String(!list.hidden));
  };
  const ask = async () => {
    asking?.abort();
    const mine = asking = new AbortController();
    try {
      const found = await load(input.value, mine.signal);
      if (mine.signal.aborted || document.activeElement !== input) return;
      options = found;
      show();
    } catch { if (!mine.signal.aborted) close(); }
  };
  const askSoon = later(120, ask);
  const typedSoon = later(350, () => typed?.(input.value));

  input.addEventListener("input", () => { askSoon(); typedSoon(); });
  input.addEventListener("blur", () => { asking?.abort(); close(); });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) { ask(); return; }
      const step = event.key === "ArrowDown" ? 1 : -1;
      mark(active + step >= options.length ? 0 : active + step < 0 ? options.length - 1 : active + step);
    } else if (event.key === "Enter") {
      asking?.abort();
      event.preventDefault();
      if (!list.hidden && active >= 0) choose(options[active]);
      else { close(); enter?.(input.value); }
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  });
  return {input, element: h("div", {class: "combo"}, h("label", {for: name}, label, hint && h("small", " " + hint)), input, list)};
}
