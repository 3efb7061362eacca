#include "methods/eager_codes.h"

#include "base/random.h"
#include "methods/catalog.h"

namespace tessera {

std::vector<std::string> eager_stream_names(const std::string& streams) {
  if (streams == "behaviour" || streams == "semantic") return {streams};
  if (streams == "behaviour-random") return {"behaviour", "random"};
  if (streams == "semantic-random") return {"semantic", "random"};
  if (streams == "two-behaviour") return {"behaviour", "behaviour-2"};
  if (streams == "two-semantic") return {"semantic", "semantic-2"};
  return {"behaviour", "semantic"};
}

std::vector<EagerCodes> fit_eager_codes(const std::string& streams, const EagerParts& parts,
                                        const RetrieveInputs& inputs, const MethodContext& context) {
  const auto inside = [&](const std::string& name, uint64_t more) {
    MethodContext part{context.seed + more, context.reporter, {}};
    if (!context.folder.empty()) {
      part.folder = context.folder / name;
      std::filesystem::create_directories(part.folder);
    }
    return part;
  };
  std::vector<EagerCodes> out;
  for (const std::string& name : eager_stream_names(streams)) {
    EagerCodes codes;
    codes.name = name;
    const bool again = name.ends_with("-2");
    if (again) {
      codes.vectors = out.front().vectors;
    } else if (name == "random") {
      codes.vectors = Matrix(inputs.data.items.size(), out.front().vectors.cols);
      Random random(context.seed, "eager.random");
      for (float& value : codes.vectors.values) value = static_cast<float>(random.normal());
    } else {
      const nlohmann::json& part = name == "behaviour" ? parts.behaviour : parts.semantic;
      codes.vectors = make_embedder(part)->embed(inputs.data, inputs.split, inside(name, 0));
    }
    codes.ids = make_tokenizer(parts.codes)->fit(codes.vectors, inside(name, again ? 1 : 0));
    codes.ids.metadata["dim"] = std::to_string(codes.vectors.cols);
    out.push_back(std::move(codes));
  }
  return out;
}

}  // namespace tessera
