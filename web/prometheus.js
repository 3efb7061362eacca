// The text format of Prometheus, as far as the service writes it.

/** @return Map of name -> [{labels, value}] */
export function parse(text) {
  const metrics = new Map();
  for (const line of text.split("\n")) {
    const match = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (!match) continue;
    const labels = {};
    for (const [, name, value] of (match[2] ?? "").matchAll(/([a-zA-Z0-9_]+)="((?:[^"\\]|\\.)*)"/g))
      labels[name] = value.replace(/\\(.)/g, (_, char) => (char === "n" ? "\n" : char));
    const value = match[3] === "+Inf" ? Infinity : Number(match[3]);
    if (!metrics.has(match[1])) metrics.set(match[1], []);
    metrics.get(match[1]).push({labels, value});
  }
  return metrics;
}

export function valueOf(metrics, name) {
  return metrics.get(name)?.[0]?.value;
}
export function sumOf(metrics, name) {
  return (metrics.get(name) ?? []).reduce((sum, one) => sum + one.value, 0);
}

/** Histograms of a family by the value of one label: [{label, count, sum, quantile(q)}]; those without samples are left out. */
export function histograms(metrics, name, label) {
  const families = new Map();
  for (const {labels, value} of metrics.get(name + "_bucket") ?? []) {
    const key = labels[label] ?? "";
    if (!families.has(key)) families.set(key, []);
    families.get(key).push([labels.le === "+Inf" ? Infinity : Number(labels.le), value]);
  }
  const sums = new Map((metrics.get(name + "_sum") ?? []).map((one) => [one.labels[label] ?? "", one.value]));
  return [...families].map(([key, buckets]) => {
    buckets.sort((a, b) => a[0] - b[0]);
    const total = buckets.at(-1)[1];
    return {label: key, count: total, sum: sums.get(key) ?? 0, quantile: (q) => quantile(buckets, total, q)};
  }).filter((one) => one.count > 0).sort((a, b) => b.count - a.count);
}

/** By linear interpolation within the bucket, as Prometheus does. */
function quantile(buckets, total, q) {
  const rank = q * total;
  let low = 0, below = 0;
  for (const [high, upTo] of buckets) {
    if (upTo >= rank && upTo > below) return high === Infinity ? low : low + (high - low) * (rank - below) / (upTo - below);
    low = high;
    below = upTo;
  }
  return low;
}
