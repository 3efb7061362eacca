#pragma once

#include <array>
#include <vector>

#include "lexical/item_document.h"
#include "lexical/query_plan.h"

namespace tessera {

/// Says which of an item's words and fields make up `score`: BM25 by stem and word as Xapian counts it, shared out
/// among fields by weighted occurrences; what alternatives count less (of synonyms the best counts) is taken off all
/// alike.
std::vector<LexicalReason> explain_score(LexicalReader& reader, const LexicalOptions& options,
                                         const MatchedTerms& terms, Xapian::docid document, double score);

}  // namespace tessera
