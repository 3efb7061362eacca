#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/behaviour.h"
#include "data/catalogue.h"

namespace tessera {

/// A catalogue, its users and what they did: the folder of architecture section 4 in memory.
struct Dataset {
  std::string name;
  Catalogue items;
  Vocabulary users;                          ///< users.name(index(user_id)) is the shop's own id
  std::vector<std::string> user_attributes;  ///< JSON object text by user; empty vector: none
  BehaviourLog log;
  std::string provenance;    ///< JSON object text: importer, source, options, bad rows
  std::string content_hash;  ///< set by load and save
};

/// Writes the folder atomically (it appears whole or not at all) and sets `content_hash`.
/// Files: dataset.json, items.jsonl, users.jsonl, queries.jsonl,
/// events/{user,item,action,time,query,request,position,value,scene}.npy. The log is sorted first. An older dataset of
/// that name is replaced.
/// @throws Error(io), also if something else has that name; Error(data) if a column is longer than another or refers to
/// nothing
void save_dataset(Dataset& dataset, const std::filesystem::path& folder);

/// The same into an existing folder, not atomically: for a caller that fills an AtomicFolder with more than the dataset
/// (the pictures of a simulated shop).
/// @throws Error(io | data)
void write_dataset(Dataset& dataset, const std::filesystem::path& folder);

/// Reads a folder written by save_dataset and checks it: schema version, equal column lengths, ids in range, order.
/// @throws Error(io | corrupt | data)
Dataset load_dataset(const std::filesystem::path& folder);

}  // namespace tessera
