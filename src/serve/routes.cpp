#include "serve/routes.h"

#include "http/problem.h"
#include "serve/service.h"

namespace tessera::serve {

HttpHandler on_worker_later(Service& service, std::function<void(HttpRequest, std::shared_ptr<Reply>)> work) {
  return [&service, work = std::move(work)](HttpRequest request, Reply reply) {
    auto shared = std::make_shared<Reply>(std::move(reply));
    auto asked = std::make_shared<HttpRequest>(std::move(request));
    const bool taken = service.workers().submit([work, asked, shared] {
      if (!shared->wanted()) return;
      try {
        work(std::move(*asked), shared);
      } catch (const std::exception& error) {
        shared->send(problem_of(error));
      }
    });
    if (!taken) shared->send(Problem{ProblemCode::overloaded, "too many requests wait; try again in a second", "", 1});
  };
}

HttpHandler on_worker(Service& service, std::function<HttpResponse(const HttpRequest&)> make) {
  return on_worker_later(service,
                         [make = std::move(make)](const HttpRequest& request, const std::shared_ptr<Reply>& reply) {
                           reply->send_result([&] { return make(request); });
                         });
}

void reply_to_question(Service& service, Question question, std::shared_ptr<Reply> reply,
                       std::function<HttpResponse(const Answer&, const Question&)> render) {
  const auto asked = std::make_shared<Question>(std::move(question));
  answer_question(service.answer_parts(), *asked,
                  [&service, asked, reply, render = std::move(render)](const Answer& answer, std::exception_ptr error) {
                    reply->send_result([&] {
                      if (error) std::rethrow_exception(error);
                      service.count(answer);
                      return render(answer, *asked);
                    });
                  });
}

}  // namespace tessera::serve
