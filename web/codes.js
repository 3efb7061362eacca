// The tree of semantic IDs: how it is used, and what lies below each code.
import {h, fill, announce, badge, bar, count, empty, page, panel, percent, problem, table} from "./dom.js";
import {get} from "./api.js";
import {card} from "./cards.js";

export const title = "Semantic IDs";

export function show(root, params, frame) {
  const usage = h("div"), tree = h("div", {class: "stack"});
  root.append(page(title, "Every item is a path of a few codes, from coarse to fine. The model writes such paths; only those of real items can come out.",
    usage, tree));
  let path = params.get("path") ?? "", shown = -1;

  async function showUsage() {
    try {
      const all = await get("/v1/semantic_ids");
      fill(usage, h("div", {class: "tiles"}, all.usage.map(level)));
      return all;
    } catch (error) {
      fill(usage, error.status === 404 ? empty(error.message) : problem(error));
      return null;
    }
  }

  function level(one) {
    const most = Math.max(...one.counts, 1);
    const dead = one.size - one.used;
    return h("section", {class: "panel level"}, h("h2", `Level ${one.level}`, !one.semantic && badge("tells equal IDs apart")),
      h("p", {class: "big"}, percent(one.used / one.size), h("small", ` of ${count(one.size)} codes used`)),
      h("div", {class: "heat", "aria-hidden": "true"}, one.counts.slice(0, 512).map((n, code) =>
        h("span", {class: n === 0 ? "dead" : "", title: `code ${code}: ${n} items`, css: {"--heat": String(n === 0 ? 0 : 0.15 + 0.85 * Math.sqrt(n / most))}}))),
      h("p", {class: "hint"}, `perplexity ${one.perplexity.toFixed(1)} · largest code ${count(most)} items`),
      dead > 0 ? h("details", h("summary", `${count(dead)} dead ${dead === 1 ? "code" : "codes"}`),
        h("p", {class: "dead-list"}, one.dead.join(", "), dead > one.dead.length && " …")) : h("p", {class: "hint"}, "no dead codes"));
  }

  async function open(newPath, known) {
    path = newPath;
    const mine = ++shown;
    frame.note({path});
    try {
      const node = known ?? await get("/v1/semantic_ids", {path});
      if (mine === shown) showNode(node);
    } catch (error) { if (mine === shown) fill(tree, problem(error)); }
  }

  function showNode(node) {
    const most = Math.max(...node.children.map((child) => child.items), 1);
    const to = (codes) => ({href: frame.hashOf("codes", {path: codes.join(",")}), onclick: (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      open(codes.join(","));
    }});
    const leaf = node.path.length === node.levels;
    fill(tree, h("nav", {class: "trail", "aria-label": "Path of codes"}, h("ol",
      h("li", h("a", to([]), "All items")),
      node.trail.map((one, i) => h("li", h("a", {...to(node.path.slice(0, i + 1)), "aria-current": i === node.path.length - 1 ? "page" : undefined},
        h("span", {class: "code"}, String(one.code)), " ", one.words))))),
    h("p", {class: "muted"}, `${count(node.live)} items` + (node.items > node.live ? `, and ${count(node.items - node.live)} erased` : "")
      + (leaf ? "" : ` below ${count(node.children.length)} of ${count(node.size)} codes of level ${node.path.length + 1}`)),
    h("div", {class: "two wide-left"},
      leaf ? panel("A whole semantic ID", h("p", node.live > 1 ? `${node.live} items share it.` : "One item has it.")) :
        panel(`Codes of level ${node.path.length + 1}`, table("Codes below this one", ["Code", "Words that mark it", "#Items", "Share"],
          node.children.map((child) => [
            h("a", {class: "code", ...to([...node.path, child.code])}, String(child.code)),
            child.words ?? h("span", {class: "muted"}, "–"), count(child.live) + (child.items > child.live ? ` of ${count(child.items)}` : ""), bar(child.items / most)]))),
      panel("Examples", node.examples.length ? h("ol", {class: "cards compact"}, node.examples.map((item, i) =>
        card({document: item}, i + 1, {move: h("small", item.semantic_id.join(" – "))}))) : empty("No item is left here."))));
    announce(`${node.children.length} codes, ${node.live} items`);
  }

  showUsage().then((all) => { if (all) open(path, path === "" ? all : undefined); });
}
