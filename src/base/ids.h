#pragma once

#include <cstdint>
#include <functional>

namespace tessera {

/// Dense positions, 0-based: the n-th item of the catalogue, the n-th user, a code within its level.
/// Distinct types, each as cheap as int32_t; index() gives the position back.
enum class ItemId : int32_t {};
enum class UserId : int32_t {};
enum class TokenId : int32_t {};

constexpr int32_t index(ItemId id) {
  return static_cast<int32_t>(id);
}
constexpr int32_t index(UserId id) {
  return static_cast<int32_t>(id);
}
constexpr int32_t index(TokenId id) {
  return static_cast<int32_t>(id);
}

}  // namespace tessera
