#include "decode/engine_worker.h"

namespace tessera::engine {

Batch Batch::part(size_t begin, size_t size) const {
  const size_t decoders = tries.size();
  const auto of = [&](std::span<BeamAnswer> all) {
    return all.empty() ? all : all.subspan(begin * decoders, size * decoders);
  };
  return {requests.subspan(begin, size), first_request + begin, tries, options, follow_up, of(answers), of(follow_ups)};
}

template <class T>
Worker<T>::Worker(const EncoderWeights<T>& encoder, const std::vector<DecoderWeights<T>>& decoders)
    : encoding_(encoder) {
  decodings_.reserve(decoders.size());
  for (const DecoderWeights<T>& decoder : decoders) decodings_.emplace_back(decoder, encoder, encoding_.contexts());
}

template <class T>
void Worker<T>::prepare(const Batch& batch, int groups) {
  if (rows_.size() < static_cast<size_t>(groups)) rows_.resize(static_cast<size_t>(groups));
  queries_.clear();
  for (const EngineQuestions& request : batch.requests)
    queries_.insert(queries_.end(), request.queries.begin(), request.queries.end());
}

/// Replaces a request's queries, which are answered, by those that its answers lead to.
template <class T>
void Worker<T>::ask_further(const Batch& batch, size_t request) {
  const size_t decoders = decodings_.size(), begin = request * decoders;
  const std::span<BeamQuery> queries = std::span(queries_).subspan(begin, decoders);
  for (BeamQuery& query : queries) query = {.k = 0};
  batch.follow_up(batch.first_request + request, batch.answers.subspan(begin, decoders), queries);
}

template <class T>
void Worker<T>::run(const Batch& batch, Crew& crew, int me) {
  const size_t decoders = decodings_.size();
  const auto groups = static_cast<size_t>(crew.num_groups()), group = static_cast<size_t>(me) % groups;
  const Member<T> all{crew.all(), me, rows_[0]};
  const Member<T> part{crew.group(static_cast<int>(group)), me / crew.num_groups(), rows_[group]};
  encoding_.run(batch.requests, all);
  const auto search = [&](size_t d, std::span<BeamAnswer> answers) {
    decodings_[d].search({queries_.data() + d, answers.data() + d, decoders}, *batch.tries[d], batch.options, part);
  };
  for (size_t d = group; d < decoders; d += groups) {
    decodings_[d].read(part);
    search(d, batch.answers);
  }
  if (!batch.follow_up) return;
  all.meet();
  for (size_t r = static_cast<size_t>(me); r < batch.requests.size(); r += static_cast<size_t>(crew.all().size()))
    ask_further(batch, r);
  all.meet();
  for (size_t d = group; d < decoders; d += groups) search(d, batch.follow_ups);
}

template class Worker<float>;
template class Worker<c10::BFloat16>;

}  // namespace tessera::engine
