// What answers, what did before, and what could.
import {h, fill, announce, badge, confirmBox, empty, page, pairs, panel, problem, table} from "./dom.js";
import {get, seg, send} from "./api.js";

export const title = "Models";

const shown = (value) => (typeof value === "number" && !Number.isInteger(value) ? value.toPrecision(4) : String(value));

export function show(root) {
  const said = h("div", {role: "status"}), body = h("div", {class: "stack"});
  root.append(page(title, "A model is a finished run. Another takes over without a failed request, and the one before can come back.", said, body));
  let gone = false;

  async function load() {
    try {
      const {active, previous, runs} = await get("/v1/models");
      fill(body, h("div", {class: "two"}, one("Answers now", active, badge("active", "good")),
        previous ? one("Before it", previous, h("button", {type: "button", onclick: () => confirmBox("Go back?",
          `${previous.version} answers again, in place of ${active.version}.`, "Go back", () => work("/v1/models:rollback"))}, "Go back to it"))
          : panel("Before it", empty("There was no other model since the start."))),
      panel("Runs", runs.length === 0 ? empty("There are no finished runs.") :
        table("Finished runs", ["Run", "Method", "#HR@10", "#NDCG@10", ""], runs.map((run) => [run.name, run.method,
          metric(run, "hr@10"), metric(run, "ndcg@10"), run.name === active.name ? badge("active", "good") :
            h("button", {type: "button", onclick: () => confirmBox("Change the model?", `${run.name} answers from then on. It is loaded and warmed first; no request fails.`,
              "Activate", () => work(`/v1/models/${seg(run.name)}:activate`))}, "Activate")])),
        h("p", {class: "hint"}, "HR@10 and NDCG@10 of the test cases, over the whole catalogue; “tessera compare” says whether they differ for sure.")));
    } catch (error) {
      if (error.status !== 404) return void fill(body, problem(error));
      const {model_version: version} = await get("/v1/recommend", {limit: 0, personalize: 0});
      fill(body, panel("Answers now", pairs([["version", version]])), empty("This service does not list its runs."));
    }
  }
  const metric = (run, name) => (run.metrics?.[name] === undefined ? "–" : run.metrics[name].toFixed(4));
  const one = (name, model, more) => panel(name, h("p", {class: "big"}, model.version), h("p", badge(model.method), " ", more),
    pairs(Object.entries(model.facts ?? {}).map(([key, value]) => [key.replaceAll("_", " "), shown(value)])));

  async function work(path) {
    try {
      let task = await send("POST", path, {});
      while (!gone && (task.state === "enqueued" || task.state === "processing")) {
        fill(said, h("p", {class: "busy"}, `${task.kind.replaceAll("_", " ")}: ${task.subject} …`));
        await new Promise((wake) => setTimeout(wake, 500));
        task = await get("/v1/tasks/" + seg(task.id));
      }
      if (gone) return;
      fill(said, task.state === "succeeded" ? h("p", h("span", {class: "dot good"}), `${task.subject} answers now.`) : problem({title: "The old model goes on", message: task.error}));
      announce(task.state === "succeeded" ? `${task.subject} answers now` : task.error);
      document.dispatchEvent(new Event("tessera:model"));
      load();
    } catch (error) { fill(said, problem(error)); }
  }

  load();
  return () => { gone = true; };
}
