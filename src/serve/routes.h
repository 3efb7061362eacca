#pragma once

#include <functional>

#include "http/router.h"
#include "serve/answer.h"

namespace tessera::serve {

class Service;

// One function a group of routes; each adds its rows to the service's router. The service outlives the router.
void add_answer_routes(Service& service);     ///< search, recommend, similar, suggest
void add_item_routes(Service& service);       ///< items, one by one and in bulk
void add_event_routes(Service& service);      ///< events, users
void add_admin_routes(Service& service);      ///< rules, synonyms, keys, config, stats
void add_model_routes(Service& service);      ///< models, tasks, snapshots
void add_gorse_routes(Service& service);      ///< /api of gorse
void add_typesense_routes(Service& service);  ///< documents/search and multi_search of Typesense
void add_console_routes(Service& service);    ///< the console, its files inside the program

/// A handler whose work is done by a worker; 503 when too many wait.
HttpHandler on_worker(Service& service, std::function<HttpResponse(const HttpRequest&)> make);
/// The same for work that answers later.
HttpHandler on_worker_later(Service& service, std::function<void(HttpRequest, std::shared_ptr<Reply>)> work);

/// Answers a question, calls `render` on the answer, and sends that.
void reply_to_question(Service& service, Question question, std::shared_ptr<Reply> reply,
                       std::function<HttpResponse(const Answer&, const Question&)> render);

/// The question of a request: parameters of the query string for GET, of the JSON body otherwise; a scoped key's come
/// over them. @throws ProblemError
Question question_from(const HttpRequest& request, Question::Kind kind, int64_t deadline_ms);

}  // namespace tessera::serve
