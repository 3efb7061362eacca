#pragma once

#include <string_view>

namespace tessera::shop {

/// The simulated shop's words, English|Chinese, as lines:
///     D name                                      department
///     G name                                      group of the department above
///     L name; noun; synonym; price; glyph; complements    leaf category of the group above
///     @class value, value, ...                    values of an attribute class, for the D, G or L above (or all)
/// A leaf takes the values of the innermost scope. The price is the usual one in dollars.
std::string_view shop_tree();

/// "English|Chinese" pairs separated by commas: the halves of invented brand names, and names of series.
std::string_view brand_starts();
std::string_view brand_ends();
std::string_view series_names();

}  // namespace tessera::shop
