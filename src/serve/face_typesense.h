#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "data/catalogue.h"
#include "http/message.h"
#include "live/live_catalogue.h"
#include "live/project.h"

namespace tessera::serve {

class Service;

// The shapes of Typesense's API and ours. docs/compatibility.md says what becomes what.

/// The parameters of one search, all as text, as Typesense takes them from queries and bodies alike.
using TypesenseParameters = std::map<std::string, std::string>;

/// Reads the parameters of a JSON object: numbers and booleans as their text, lists with commas between.
/// @throws ProblemError for an object as value
void take_parameters(const nlohmann::json& object, TypesenseParameters& into);

/// The object of our own parameter names (docs/http-api.md) that asks the same.
/// @throws ProblemError naming the parameter: for one that cannot be done here, and for one nobody knows
nlohmann::json question_of_typesense(const TypesenseParameters& parameters, const live::CatalogueView& view);

/// Whether highlights of a field are wanted.
bool wants_highlight(const TypesenseParameters& parameters, std::string_view field);

/// An item as a document: our fields, and beside them the attributes whose names are none of these.
nlohmann::ordered_json document_of(const live::Projection& projection, const Item& item);
/// The other way: what is none of our fields becomes an attribute; what nests, its JSON text.
nlohmann::json item_json_of_document(nlohmann::json document);
/// include_fields or exclude_fields with attributes under their names in an item.
std::string projected_fields(const std::string& fields);

/// There is one collection: `items`, which also answers to the name of the dataset. @throws ProblemError(not_found)
void check_collection(Service& service, std::string_view name);

/// The routes of collections and documents; those of searches are in face_typesense.cpp.
void add_typesense_documents(Service& service);

}  // namespace tessera::serve
