// One open store with its doors, and its whole content as the text that Model::Describe gives.
#pragma once

#include <memory>
#include <string>

#include "meta/files.h"
#include "meta/store.h"
#include "meta/tables.h"
#include "tests/crash/model.h"

namespace mendfs {

inline constexpr const char* kCrashStore = "/store";

// The schema after `properties` changes of it.
std::string CrashSchema(uint64_t properties);

class Session {
 public:
  static Result<std::unique_ptr<Session>> Open(Disk& disk, const OpenOptions& options);

  Store& store() { return *store_; }
  FileWriter& files() { return *files_; }
  TableWriter& tables() { return *tables_; }

  // Everything that the store shows, read through its doors and not through what wrote it.
  Result<std::string> Describe() const;

  Result<InodeNumber> Find(const std::string& path) const;
  // The directory that holds the last name of the path, and that name.
  struct Place {
    InodeNumber directory;
    std::string name;
  };
  Result<Place> PlaceOf(const std::string& path) const;
  Result<TypeId> Node() const;
  Result<TypeId> Edge() const;

 private:
  struct Listing {
    const FileReader& reader;
    View view;
    std::map<std::string, Attributes> found;
  };
  Status DescribeDirectory(Listing& listing, InodeNumber directory,
                           const std::string& prefix) const;
  Status DescribeFiles(const View& view, std::string& text) const;
  Status DescribeTables(const View& view, std::string& text) const;
  Result<std::string> DescribeContent(const View& view) const;

  std::unique_ptr<Store> store_;
  std::unique_ptr<FileWriter> files_;
  std::unique_ptr<TableWriter> tables_;
};

}  // namespace mendfs
