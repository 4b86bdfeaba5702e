#include "tests/crash/model.h"

#include <utility>
#include <vector>

namespace mendfs {
namespace {

std::string HexOf(const Hash128& hash) {
  return std::to_string(hash.high) + "." + std::to_string(hash.low);
}

}  // namespace

std::string DescribeFile(const std::string& path, const std::string& first_path, ModelKind kind,
                         uint32_t permissions, uint64_t size_bytes, const Hash128& hash) {
  std::string line = "file " + path + " " + static_cast<char>(kind) + " ";
  if (kind != ModelKind::kSymlink) line += std::to_string(permissions);
  if (kind != ModelKind::kDirectory) line += " " + std::to_string(size_bytes) + " " + HexOf(hash);
  if (first_path != path) line += " = " + first_path;
  return line + "\n";
}

std::string DescribeXattr(const std::string& path, const std::string& name,
                          const std::string& value) {
  return "xattr " + path + " " + name + " " + HexOf(HashXxh3Wide(value)) + "\n";
}

std::string DescribeRow(const std::string& key, const std::string& body) {
  return "row " + key + " " + std::to_string(body.size()) + " " + HexOf(HashXxh3Wide(body)) + "\n";
}

std::string DescribeEdge(const std::string& source, const std::string& target, uint32_t number,
                         const std::string& body) {
  return "edge " + source + "~" + target + "~" + std::to_string(number) + " " + body + "\n";
}

std::string DescribeSnapshot(const std::string& name, const Hash128& content) {
  return "snapshot " + name + " " + HexOf(content) + "\n";
}

uint64_t Model::Add(const std::string& path, ModelFile file) {
  const uint64_t id = next_id++;
  names[path] = id;
  files[id] = std::move(file);
  return id;
}

void Model::Drop(const std::string& path) {
  const uint64_t id = names.at(path);
  names.erase(path);
  for (const auto& [other, other_id] : names) {
    if (other_id == id) return;
  }
  files.erase(id);
}

bool Model::HasBelow(const std::string& directory) const {
  const auto next = names.lower_bound(directory + "/");
  return next != names.end() && next->first.starts_with(directory + "/");
}

void Model::Move(const std::string& source, const std::string& target, bool exchange) {
  const uint64_t id = names.at(source);
  const auto there = names.find(target);
  if (there != names.end() && there->second == id) return;  // two names of one file: both stay
  if (exchange) {
    std::swap(names.at(source), names.at(target));
    return;
  }
  if (there != names.end()) Drop(target);
  names.erase(source);
  std::vector<std::pair<std::string, uint64_t>> below;
  for (auto at = names.lower_bound(source + "/");
       at != names.end() && at->first.starts_with(source + "/"); at = names.erase(at)) {
    below.emplace_back(target + at->first.substr(source.size()), at->second);
  }
  names[target] = id;
  for (auto& [path, file] : below) names[path] = file;
}

void Model::DropRow(const std::string& key) {
  const uint64_t id = rows.at(key).id;
  rows.erase(key);
  std::erase_if(edges, [&](const auto& edge) {
    return std::get<0>(edge.first) == id || std::get<1>(edge.first) == id;
  });
}

void Model::Rekey(const std::string& key, const std::string& new_key) {
  if (key == new_key) return;
  ModelRow row = rows.at(key);
  const auto there = rows.find(new_key);
  if (there == rows.end()) {
    rows.erase(key);
  } else {
    row.id = there->second.id;
    DropRow(key);
  }
  rows[new_key] = std::move(row);
}

std::string Model::Describe() const {
  std::string text = DescribeContent();
  for (const auto& [name, content] : snapshots) text += DescribeSnapshot(name, content);
  return text;
}

std::string Model::DescribeContent() const {
  std::string text;
  std::map<uint64_t, std::string> first_paths;
  for (const auto& [path, id] : names) {
    const ModelFile& file = files.at(id);
    const std::string& first = first_paths.try_emplace(id, path).first->second;
    text += DescribeFile(path, first, file.kind, file.permissions, file.bytes.get().size(),
                         file.bytes.hash());
    for (const auto& [name, value] : file.xattrs) text += DescribeXattr(path, name, value);
  }
  std::map<uint64_t, std::string> keys;
  for (const auto& [key, row] : rows) {
    text += DescribeRow(key, row.body);
    keys[row.id] = key;
  }
  std::map<std::tuple<std::string, std::string, uint32_t>, std::string> sorted;
  for (const auto& [ends, body] : edges) {
    const auto& [source, target, number] = ends;
    sorted[{keys.at(source), keys.at(target), number}] = body;
  }
  for (const auto& [ends, body] : sorted) {
    text += DescribeEdge(std::get<0>(ends), std::get<1>(ends), std::get<2>(ends), body);
  }
  return text + "properties " + std::to_string(properties) + "\n";
}

}  // namespace mendfs
