// The service's own API; nothing else is ever asked.

const root = new URL("../", document.baseURI.split("#")[0]);
const keyName = "tessera.key";

export class ApiError extends Error {
  constructor(status, body) {
    super(body.detail || body.message || `The service answered ${status}.`);
    this.status = status;
    this.title = body.title || (status ? `Status ${status}` : "No answer");
    this.code = body.code || "";
    this.param = body.param || "";
  }
}

export const apiKey = () => sessionStorage.getItem(keyName) ?? "";
export function setApiKey(key) {
  if (key) sessionStorage.setItem(keyName, key);
  else sessionStorage.removeItem(keyName);
}

function target(path, params) {
  const url = new URL(path.replace(/^\//, ""), root);
  for (const [name, value] of Object.entries(params ?? {}))
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, value);
  return url;
}

async function exchange(method, url, body, signal) {
  const headers = {};
  if (apiKey()) headers["X-API-Key"] = apiKey();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(url, {method, headers, signal, cache: "no-store",
      body: body === undefined ? undefined : JSON.stringify(body)});
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, {detail: "The service cannot be reached."});
  }
  if (response.ok) return response;
  const text = await response.text();
  let problem = {};
  try { problem = JSON.parse(text); } catch { problem = {detail: text.slice(0, 300)}; }
  if (response.status === 401) document.dispatchEvent(new Event("tessera:unauthorized"));
  throw new ApiError(response.status, problem);
}

export async function get(path, params, signal) {
  return (await exchange("GET", target(path, params), undefined, signal)).json();
}
export async function getText(path, signal) {
  return (await exchange("GET", target(path), undefined, signal)).text();
}
export async function send(method, path, body, signal) {
  const text = await (await exchange(method, target(path), body, signal)).text();
  return text ? JSON.parse(text) : {};
}
export const seg = encodeURIComponent;

/** The same request for a shell. The key stays out of it: it is read from the environment. */
export function curl(path, body) {
  const quote = (text) => "'" + text.replaceAll("'", "'\\''") + "'";
  const key = apiKey() ? ` \\\n  -H "X-API-Key: $TESSERA_KEY"` : "";
  return `curl -s ${quote(target(path).href)} \\\n  -H 'Content-Type: application/json'${key} \\\n  -d ${quote(JSON.stringify(body))}`;
}

// Items by id, each asked for once; what changes an item forgets it.
const items = new Map();
export function item(id) {
  if (!items.has(id)) {
    if (items.size > 2000) items.clear();
    items.set(id, get("/v1/items/" + seg(id)).catch((error) => {
      items.delete(id);
      if (error.status === 404) return {id, title: id, gone: true};
      throw error;
    }));
  }
  return items.get(id);
}
export function forget(id) { items.delete(id); }
export function remember(document) { items.set(document.id, Promise.resolve(document)); }

/** "" or what the service suggests for the beginning of a text, as options of a combo. */
export async function suggestions(text, signal, limits = {queries: 5, items: 5}) {
  if (!text.trim()) return [];
  const found = await get("/v1/suggest", {q: text, ...limits}, signal);
  return [...found.queries.map((one) => ({value: one.query, label: one.query, group: "Queries"})),
    ...found.items.map((one) => ({value: one.id, label: one.title, hint: one.id, group: "Items", item: true}))];
}

/** Options of a combo: users whose id holds the text. */
export async function userOptions(text, signal) {
  const {users} = await get("/v1/users", {q: text, limit: 8}, signal);
  return users.map((user) => ({value: user.id, label: user.id}));
}
export async function randomUser() {
  const {total} = await get("/v1/users", {limit: 1});
  const {users: [user]} = await get("/v1/users", {limit: 1, cursor: Math.floor(Math.random() * total)});
  return user.id;
}

/** What goes along from one screen to the next. */
export const shared = {user: ""};
