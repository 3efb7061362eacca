#pragma once

#include "lexical/lexical_index.h"
#include "lexical/query_plan.h"

namespace tessera {

/// @throws Error(data) naming the limit that the query breaks
void check_query(const LexicalQuery& query);

/// Answers a checked query at the commit that the reader sees: as it stands; if fewer than `min_results` match, with
/// misspelt words corrected; and then with words dropped, those that no item holds at once, then the most usual first.
/// @throws Xapian::Error, Error(overload)
LexicalResult search_reader(LexicalReader& reader, const LexicalOptions& options, const SynonymTable& synonyms,
                            const LexicalQuery& query);

}  // namespace tessera
