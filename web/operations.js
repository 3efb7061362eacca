// How the service fares.
import {h, fill, announce, badge, bar, bytes, count, duration, empty, moment, page, panel, problem, table} from "./dom.js";
import {get, getText, send} from "./api.js";
import {histograms, parse, sumOf, valueOf} from "./prometheus.js";

export const title = "Operations";

export function show(root) {
  const places = {};
  const place = (name) => (places[name] = h("div", {id: "ops-" + name}));
  root.append(page(title, "Measured by the service itself since its start; the same numbers stand at /metrics for Prometheus.",
    place("tiles"), h("div", {class: "two"},
      h("div", panel("Requests", place("routes")), panel("Stages of an answer", place("stages"))),
      h("div", panel("Tasks", place("tasks")), panel("Snapshots", place("snapshots")), panel("Slow requests", place("config")), panel("Keys", place("keys"))))));
  let gone = false, timer = 0;

  async function measure() {
    clearTimeout(timer);
    if (document.visibilityState === "visible") {
      try {
        const [phase, text] = await Promise.all([getText("/readyz").catch((error) => error.message), getText("/metrics")]);
        if (gone) return;
        showMetrics(phase.trim(), parse(text));
      } catch (error) { if (!gone) fill(places.tiles, problem(error)); }
      part("tasks", "/v1/tasks", showTasks);
    }
    if (!gone) timer = setTimeout(measure, 5000);
  }

  function showMetrics(phase, metrics) {
    const routes = histograms(metrics, "tessera_http_request_duration_seconds", "route");
    const stages = histograms(metrics, "tessera_stage_duration_seconds", "stage");
    const requests = routes.reduce((sum, one) => sum + one.count, 0);
    const asked = routes.find((one) => one.label === "/v1/search") ?? routes.find((one) => one.label === "/v1/recommend");
    const degraded = metrics.get("tessera_degraded_responses_total") ?? [];
    const started = valueOf(metrics, "process_start_time_seconds");
    const failed = (metrics.get("tessera_http_requests_total") ?? []).filter((one) => one.labels.code >= "500").reduce((sum, one) => sum + one.value, 0);
    const sync = histograms(metrics, "tessera_wal_fsync_duration_seconds", "")[0];
    const tile = (name, value, more, kind = "") => h("div", {class: "stat " + kind}, h("dt", name), h("dd", value, more && h("small", more)));
    const bad = degraded.filter((one) => one.value > 0).map((one) => `${one.labels.reason.replaceAll("_", " ")} ${count(one.value)}`).join(", ");
    fill(places.tiles, h("dl", {class: "stats"},
      tile("State", phase, started && "up " + duration(Date.now() / 1000 - started), phase === "ready" ? "good" : "bad"),
      tile("Requests", count(requests), failed > 0 ? `${count(failed)} failed` : "none failed", failed > 0 ? "bad" : ""),
      tile(asked ? `p95 of ${asked.label.replace("/v1/", "")}` : "p95", asked ? duration(asked.quantile(0.95)) : "–",
        asked && `p50 ${duration(asked.quantile(0.5))} · p99 ${duration(asked.quantile(0.99))}`),
      tile("Degraded", count(degraded.reduce((sum, one) => sum + one.value, 0)), bad || "every answer was whole", bad ? "warn" : ""),
      tile("Waiting", count(valueOf(metrics, "tessera_queue_depth") ?? 0), `for the model · ${count(valueOf(metrics, "tessera_requests_waiting") ?? 0)} for a worker`),
      tile("Memory", bytes(valueOf(metrics, "process_resident_memory_bytes") ?? 0), `${count(valueOf(metrics, "process_threads") ?? 0)} threads`),
      tile("Catalogue", count(valueOf(metrics, "tessera_items") ?? 0), `items · ${count(valueOf(metrics, "tessera_users") ?? 0)} users`),
      tile("Events", count(valueOf(metrics, "tessera_events") ?? 0), sync ? `durable in ${duration(sync.quantile(0.5))}` : "none written yet"),
      tile("Connections", count(valueOf(metrics, "tessera_http_connections") ?? 0), `${count(sumOf(metrics, "tessera_cold_requests_total"))} answers without the model`)));
    const rows = (all, name) => table(name, [name, "#Count", "#p50", "#p95", "#p99", "Share of time"], all.map((one) => [
      h("code", one.label === "none" ? "(no such path)" : one.label), count(one.count), duration(one.quantile(0.5)), duration(one.quantile(0.95)), duration(one.quantile(0.99)),
      bar(one.sum / Math.max(...all.map((other) => other.sum), 1e-12))]));
    fill(places.routes, rows(routes.filter((one) => one.label !== "/console/{file...}").slice(0, 14), "Route"));
    fill(places.stages, stages.length ? rows(stages, "Stage") : empty("Nothing was asked yet."));
  }

  /** A part whose endpoint may not be there. */
  async function part(name, path, render) {
    try {
      const answer = await get(path);
      if (!gone) render(answer);
    } catch (error) {
      if (!gone) fill(places[name], error.status === 404 ? empty("This service does not offer it.") : problem(error));
    }
  }

  let shownTasks = "";
  function showTasks({tasks}) {
    const text = JSON.stringify(tasks);
    if (text === shownTasks) return;
    shownTasks = text;
    fill(places.tasks, tasks.length === 0 ? empty("No long work since the start.") : table("Tasks", ["Task", "State", "Since", ""], tasks.slice(0, 10).map((task) => [
      `${task.kind.replaceAll("_", " ")} ${task.subject ?? ""}`, badge(task.state, {succeeded: "good", failed: "bad"}[task.state] ?? "warn"),
      moment(task.finished_at ?? task.started_at ?? task.enqueued_at), task.error ?? ""])));
    if (tasks.some((task) => task.kind === "snapshot" && task.state === "succeeded")) part("snapshots", "/v1/snapshots", showSnapshots);
  }

  function showSnapshots({snapshots}) {
    const name = h("input", {type: "text", id: "snapshot-name", value: "s-" + new Date().toISOString().slice(0, 16).replace(/\D/g, "-"), spellcheck: "false"});
    const said = h("p", {class: "hint", role: "status"});
    fill(places.snapshots, snapshots.length === 0 ? empty("There are none.") : table("Snapshots", ["Name", "Made", "#Size"],
      snapshots.map((one) => [one.name, moment(one.created_at), bytes(one.size_bytes)])),
    h("form", {class: "inline", onsubmit: async (event) => {
      event.preventDefault();
      try {
        await send("POST", "/v1/snapshots", {name: name.value});
        announce("The snapshot is being made");
        setTimeout(measure, 400);
      } catch (error) { fill(said, error.message); }
    }}, h("label", {for: "snapshot-name"}, "Name"), name, h("button", "Make a snapshot")), said);
  }

  function showConfig(config) {
    const slow = h("input", {type: "number", id: "slow-ms", min: "-1", value: String(config.slow_ms)});
    const said = h("p", {class: "hint", role: "status"}, "Requests from here on are marked slow in the access log; -1: none.");
    fill(places.config, h("form", {class: "inline", onsubmit: async (event) => {
      event.preventDefault();
      try {
        const now = await send("POST", "/v1/config", {slow_ms: Number(slow.value)});
        fill(said, `From ${now.slow_ms} ms on.`);
      } catch (error) { fill(said, error.message); }
    }}, h("label", {for: "slow-ms"}, "Milliseconds"), slow, h("button", "Set")), said);
  }

  function showKeys({keys}) {
    fill(places.keys, keys.length === 0 ? empty("There are no keys: only programs of this machine may call, and may do everything.") :
      table("Keys", ["Name", "Scopes", "Last used", ""], keys.map((key) => [key.name || key.id, key.scopes.map((scope) => badge(scope)),
        key.last_used ? moment(key.last_used) : "never", key.disabled ? badge("disabled", "bad") : ""])));
  }

  measure();
  part("snapshots", "/v1/snapshots", showSnapshots);
  part("config", "/v1/config", showConfig);
  part("keys", "/v1/keys", showKeys);
  return () => { gone = true; clearTimeout(timer); };
}
