#include "http/metrics.h"

#include <prometheus/check_names.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <mutex>
#include <sstream>
#include <unordered_map>

#include "base/error.h"
#include "http/process_metrics.h"
#include "http/url.h"

namespace tessera {

/// What a name was registered as.
struct RegisteredMetric {
  char kind = 0;
  std::vector<MetricLabel> labels;
  std::vector<double> bounds;
  std::shared_ptr<void> table;

  bool is_same(char other_kind, const std::vector<MetricLabel>& other_labels,
               const std::vector<double>& other_bounds) const {
    return kind == other_kind && bounds == other_bounds &&
           std::equal(
               labels.begin(), labels.end(), other_labels.begin(), other_labels.end(),
               [](const MetricLabel& a, const MetricLabel& b) { return a.name == b.name && a.values == b.values; });
  }
};

namespace {

constexpr size_t kMaxSeries = 100'000;

template <class Handle>
struct SeriesOf;
template <>
struct SeriesOf<MetricCounter> {
  using type = prometheus::Counter;
  static constexpr char kind = 'c';
};
template <>
struct SeriesOf<MetricGauge> {
  using type = prometheus::Gauge;
  static constexpr char kind = 'g';
};
template <>
struct SeriesOf<MetricHistogram> {
  using type = prometheus::Histogram;
  static constexpr char kind = 'h';
};

std::string full_name(const std::string& name) {
  return name.rfind("process_", 0) == 0 ? name : "tessera_" + name;
}

void check_name(const std::string& name, const std::vector<MetricLabel>& labels) {
  TESSERA_CHECK(prometheus::CheckMetricName(full_name(name)), config, "\"{}\" is no name for a metric", name);
  size_t series = 1;
  for (const MetricLabel& label : labels) {
    TESSERA_CHECK(prometheus::CheckLabelName(label.name), config, "metric {}: \"{}\" is no name for a label", name,
                  label.name);
    series *= label.values.size() + 1;
    TESSERA_CHECK(series <= kMaxSeries, config, "metric {}: its labels have more than {} combinations", name,
                  kMaxSeries);
  }
}

}  // namespace

void MetricCounter::add(double value) const {
  counter_->Increment(value);
}
double MetricCounter::value() const {
  return counter_->Value();
}
void MetricGauge::set(double value) const {
  gauge_->Set(value);
}
void MetricGauge::add(double value) const {
  gauge_->Increment(value);
}
double MetricGauge::value() const {
  return gauge_->Value();
}
void MetricHistogram::observe(double value) const {
  histogram_->Observe(value);
}

template <class Handle>
struct MetricFamily<Handle>::Table {
  using Series = typename SeriesOf<Handle>::type;

  Table(prometheus::Family<Series>& the_family, std::vector<MetricLabel> the_labels, std::vector<double> the_bounds)
      : family(the_family), labels(std::move(the_labels)), bounds(std::move(the_bounds)) {
    size_t count = 1;
    for (const MetricLabel& label : labels) {
      auto& index = indices.emplace_back();
      for (const std::string& value : label.values) index.emplace(value, index.size());
      count *= label.values.size() + 1;
    }
    series = std::vector<std::atomic<Series*>>(count);
  }

  Series* at(std::initializer_list<std::string_view> values) {
    size_t position = 0, label = 0;
    for (const std::string_view value : values) {
      if (label == labels.size()) break;
      position = position * (labels[label].values.size() + 1) + index_of(label, value);
      ++label;
    }
    for (; label < labels.size(); ++label) {
      position = position * (labels[label].values.size() + 1) + labels[label].values.size();
    }
    Series* found = series[position].load(std::memory_order_acquire);
    if (found == nullptr) {
      found = &make(position);
      series[position].store(found, std::memory_order_release);
    }
    return found;
  }

  size_t index_of(size_t label, std::string_view value) const {
    const auto found = indices[label].find(std::string(value));
    return found == indices[label].end() ? labels[label].values.size() : found->second;
  }

  Series& make(size_t position) {
    prometheus::Labels names;
    for (size_t i = labels.size(); i-- > 0;) {
      const size_t size = labels[i].values.size() + 1;
      const size_t value = position % size;
      position /= size;
      names[labels[i].name] = value + 1 == size ? "other" : labels[i].values[value];
    }
    if constexpr (std::is_same_v<Handle, MetricHistogram>) {
      return family.Add(names, bounds);
    } else {
      return family.Add(names);
    }
  }

  prometheus::Family<Series>& family;
  std::vector<MetricLabel> labels;
  std::vector<double> bounds;
  std::vector<std::unordered_map<std::string, size_t>> indices;
  std::vector<std::atomic<Series*>> series;
};

template <class Handle>
Handle MetricFamily<Handle>::at(std::initializer_list<std::string_view> values) const {
  return Handle(table_->at(values));
}
template class MetricFamily<MetricCounter>;
template class MetricFamily<MetricGauge>;
template class MetricFamily<MetricHistogram>;

struct Metrics::Impl {
  prometheus::Registry registry;
  std::mutex mutex;
  std::map<std::string, RegisteredMetric> registered;
  struct Reader {
    MetricGauge gauge;
    std::function<double()> read;
  };
  std::map<std::string, Reader> readers;
  struct Info {
    prometheus::Family<prometheus::Gauge>* family;
    prometheus::Gauge* current;
  };
  std::map<std::string, Info> infos;

  template <class Handle, class Builder>
  MetricFamily<Handle> add(Builder builder, const std::string& name, const std::string& help,
                           std::vector<MetricLabel> labels, std::vector<double> bounds) {
    using Table = typename MetricFamily<Handle>::Table;
    constexpr char kind = SeriesOf<Handle>::kind;
    check_name(name, labels);
    const std::lock_guard lock(mutex);
    RegisteredMetric& entry = registered[name];
    if (entry.kind == 0) {
      auto& family = builder().Name(full_name(name)).Help(help).Register(registry);
      entry = {kind, labels, bounds, std::make_shared<Table>(family, labels, bounds)};
    }
    TESSERA_CHECK(entry.is_same(kind, labels, bounds), config,
                  "metric {} is there already, of another kind, with other labels or bounds", name);
    return MetricFamily<Handle>(std::static_pointer_cast<Table>(entry.table));
  }
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

CounterFamily Metrics::counters(const std::string& name, const std::string& help, std::vector<MetricLabel> labels) {
  return impl_->add<MetricCounter>(prometheus::BuildCounter, name, help, std::move(labels), {});
}
GaugeFamily Metrics::gauges(const std::string& name, const std::string& help, std::vector<MetricLabel> labels) {
  return impl_->add<MetricGauge>(prometheus::BuildGauge, name, help, std::move(labels), {});
}
HistogramFamily Metrics::histograms(const std::string& name, const std::string& help, std::vector<MetricLabel> labels,
                                    std::vector<double> bounds) {
  TESSERA_CHECK(!bounds.empty() && std::is_sorted(bounds.begin(), bounds.end()), config,
                "metric {}: the bounds of a histogram must ascend", name);
  return impl_->add<MetricHistogram>(prometheus::BuildHistogram, name, help, std::move(labels), std::move(bounds));
}
MetricCounter Metrics::counter(const std::string& name, const std::string& help) {
  return counters(name, help, {}).at({});
}
MetricGauge Metrics::gauge(const std::string& name, const std::string& help) {
  return gauges(name, help, {}).at({});
}
MetricHistogram Metrics::histogram(const std::string& name, const std::string& help, std::vector<double> bounds) {
  return histograms(name, help, {}, std::move(bounds)).at({});
}

void Metrics::gauge_from(const std::string& name, const std::string& help, std::function<double()> read) {
  const MetricGauge handle = gauge(name, help);
  const std::lock_guard lock(impl_->mutex);
  impl_->readers.erase(name);
  if (read) impl_->readers.emplace(name, Impl::Reader{handle, std::move(read)});
}

void Metrics::info(const std::string& name, const std::string& help,
                   const std::vector<std::pair<std::string, std::string>>& labels) {
  check_name(name, {});
  prometheus::Labels names;
  for (const auto& [label, value] : labels) {
    TESSERA_CHECK(prometheus::CheckLabelName(label), config, "metric {}: \"{}\" is no name for a label", name, label);
    names[label] = is_utf8(value) ? value : "invalid UTF-8";
  }
  const std::lock_guard lock(impl_->mutex);
  RegisteredMetric& entry = impl_->registered[name];
  TESSERA_CHECK(entry.kind == 0 || entry.kind == 'i', config, "metric {} is there already, of another kind", name);
  if (entry.kind == 0) {
    auto& family = prometheus::BuildGauge().Name(full_name(name)).Help(help).Register(impl_->registry);
    impl_->infos[name] = {&family, nullptr};
    entry.kind = 'i';
  }
  Impl::Info& info = impl_->infos[name];
  if (info.current != nullptr) info.family->Remove(info.current);
  info.current = &info.family->Add(names);
  info.current->Set(1);
}

std::string Metrics::exposition() {
  const ProcessState process = read_process_state();
  gauge("process_resident_memory_bytes", "Resident memory in bytes.").set(process.resident_bytes);
  gauge("process_virtual_memory_bytes", "Virtual memory in bytes.").set(process.virtual_bytes);
  gauge("process_open_fds", "Open file descriptors.").set(process.open_fds);
  gauge("process_max_fds", "Limit of open file descriptors.").set(process.max_fds);
  gauge("process_threads", "Threads of the process.").set(process.threads);
  gauge("process_start_time_seconds", "Start of the process, in seconds since 1970.").set(process.start_time_seconds);
  const MetricCounter cpu = counter("process_cpu_seconds_total", "CPU time of the process, in seconds.");
  const std::lock_guard lock(impl_->mutex);
  cpu.add(std::max(0.0, process.cpu_seconds - cpu.value()));
  for (const auto& [name, reader] : impl_->readers) reader.gauge.set(reader.read());
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, impl_->registry.Collect());
  return text.str();
}

std::vector<double> Metrics::request_seconds() {
  return {0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
}
std::vector<double> Metrics::stage_seconds() {
  return {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5};
}

}  // namespace tessera
