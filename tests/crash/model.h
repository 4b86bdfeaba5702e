// What a store must hold, in plain maps: small enough to be believed.
//
// Shape:    a path is "name" or "directory/name"; names and files are apart, as hard links need it.
//           Edges hang on the identity of their rows and go with them
// Threads:  values
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "meta/codec/hash.h"

namespace mendfs {

// Bytes that copies of a model share.
class ModelBytes {
 public:
  ModelBytes() : ModelBytes(std::string()) {}
  explicit ModelBytes(std::string bytes)
      : hash_(HashXxh3Wide(bytes)), bytes_(std::make_shared<const std::string>(std::move(bytes))) {}
  const std::string& get() const { return *bytes_; }
  const Hash128& hash() const { return hash_; }

 private:
  Hash128 hash_;
  std::shared_ptr<const std::string> bytes_;
};

enum class ModelKind : char { kFile = 'f', kDirectory = 'd', kSymlink = 'l' };

struct ModelFile {
  ModelKind kind = ModelKind::kFile;
  uint32_t permissions = 0;
  ModelBytes bytes;  // of a symlink its target
  std::map<std::string, std::string> xattrs;
};

struct ModelRow {
  uint64_t id = 0;
  std::string body;
};

struct Model {
  std::map<std::string, uint64_t> names;  // path -> file
  std::map<uint64_t, ModelFile> files;
  std::map<std::string, ModelRow> rows;  // by key
  std::map<std::tuple<uint64_t, uint64_t, uint32_t>, std::string> edges;
  uint64_t properties = 0;                   // that schema changes have added
  std::map<std::string, Hash128> snapshots;  // of the text that DescribeContent gave then
  uint64_t next_id = 1;

  uint64_t Add(const std::string& path, ModelFile file);
  // Takes the name, and the file with its last name.
  void Drop(const std::string& path);
  // As rename(2) with RENAME_EXCHANGE where `exchange`; what lies below a directory follows.
  void Move(const std::string& source, const std::string& target, bool exchange);
  void DropRow(const std::string& key);
  // Over another row: that one stays, with its edges and the new body.
  void Rekey(const std::string& key, const std::string& new_key);
  bool HasBelow(const std::string& directory) const;

  // One line a fact, sorted; two models are equal when their texts are.
  std::string Describe() const;
  // The same without snapshots.
  std::string DescribeContent() const;
};

// The lines of Describe, for who reads a store.
std::string DescribeFile(const std::string& path, const std::string& first_path, ModelKind kind,
                         uint32_t permissions, uint64_t size_bytes, const Hash128& hash);
std::string DescribeXattr(const std::string& path, const std::string& name,
                          const std::string& value);
std::string DescribeRow(const std::string& key, const std::string& body);
std::string DescribeSnapshot(const std::string& name, const Hash128& content);
std::string DescribeEdge(const std::string& source, const std::string& target, uint32_t number,
                         const std::string& body);

}  // namespace mendfs
