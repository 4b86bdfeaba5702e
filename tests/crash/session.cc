#include "tests/crash/session.h"

#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "meta/snapshots.h"

namespace mendfs {

std::string CrashSchema(uint64_t properties) {
  std::string text = "node P { k: String @key, v: String?";
  for (uint64_t i = 1; i <= properties; ++i) text += ", p" + std::to_string(i) + ": String?";
  return text + " }\nedge E: P -> P { w: I32? }\n";
}

Result<std::unique_ptr<Session>> Session::Open(Disk& disk, const OpenOptions& options) {
  auto session = std::make_unique<Session>();
  MENDFS_ASSIGN_OR_RETURN(session->store_, Store::Open(disk, kCrashStore, options));
  session->files_ = std::make_unique<FileWriter>(session->store_->door(), kMainBranch);
  session->tables_ = std::make_unique<TableWriter>(session->store_->door(), kMainBranch);
  return session;
}

Result<InodeNumber> Session::Find(const std::string& path) const {
  const FileReader reader(store_->door());
  InodeNumber at = kFilesRoot;
  size_t start = 0;
  while (start < path.size()) {
    const size_t slash = std::min(path.find('/', start), path.size());
    MENDFS_ASSIGN_OR_RETURN(const Attributes found,
                            reader.Lookup({}, at, path.substr(start, slash - start)));
    at = found.inode;
    start = slash + 1;
  }
  return at;
}

Result<Session::Place> Session::PlaceOf(const std::string& path) const {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return Place{kFilesRoot, path};
  MENDFS_ASSIGN_OR_RETURN(const InodeNumber directory, Find(path.substr(0, slash)));
  return Place{directory, path.substr(slash + 1)};
}

Result<TypeId> Session::Node() const {
  MENDFS_ASSIGN_OR_RETURN(const auto schema, TableReader(store_->reader()).GetSchema({}));
  return schema->nodes.at(0).id;
}

Result<TypeId> Session::Edge() const {
  MENDFS_ASSIGN_OR_RETURN(const auto schema, TableReader(store_->reader()).GetSchema({}));
  return schema->edges.at(0).id;
}

Status Session::DescribeDirectory(Listing& listing, InodeNumber directory,
                                  const std::string& prefix) const {
  MENDFS_ASSIGN_OR_RETURN(const auto cursor, listing.reader.List(listing.view, directory, 0));
  for (;;) {
    MENDFS_ASSIGN_OR_RETURN(const auto entry, cursor->Next());
    if (!entry) return Status::Ok();
    MENDFS_ASSIGN_OR_RETURN(const Attributes attributes,
                            listing.reader.Get(listing.view, entry->inode));
    const std::string path = prefix + entry->name;
    listing.found[path] = attributes;
    if (!S_ISDIR(attributes.mode)) continue;
    MENDFS_RETURN_IF_ERROR(DescribeDirectory(listing, entry->inode, path + "/"));
  }
}

Status Session::DescribeFiles(const View& view, std::string& text) const {
  const FileReader reader(store_->door());
  Listing listing{.reader = reader, .view = view, .found = {}};
  MENDFS_RETURN_IF_ERROR(DescribeDirectory(listing, kFilesRoot, ""));
  const std::map<std::string, Attributes>& found = listing.found;
  std::map<InodeNumber, std::pair<std::string, uint32_t>> names;  // first path, count
  for (const auto& [path, attributes] : found) {
    ++names.try_emplace(attributes.inode, path, 0).first->second.second;
  }
  std::string body;
  for (const auto& [path, attributes] : found) {
    ModelKind kind = ModelKind::kFile;
    body.clear();
    if (S_ISLNK(attributes.mode)) {
      kind = ModelKind::kSymlink;
      MENDFS_ASSIGN_OR_RETURN(body, reader.ReadLink(view, attributes.inode));
    } else if (S_ISDIR(attributes.mode)) {
      kind = ModelKind::kDirectory;
    } else {
      body.resize(attributes.size_bytes);
      MENDFS_ASSIGN_OR_RETURN(const size_t got,
                              reader.Read(view, attributes.inode, 0, body.size(), body.data()));
      if (got != body.size()) return {Code::kInternal, "read " + path + ": short of its size"};
    }
    const auto& [first, count] = names.at(attributes.inode);
    if (kind == ModelKind::kFile && attributes.links != count) {
      return {Code::kInternal, path + " has " + std::to_string(count) + " names and says " +
                                   std::to_string(attributes.links)};
    }
    text +=
        DescribeFile(path, first, kind, attributes.mode & 07777, body.size(), HashXxh3Wide(body));
    if (!attributes.has_xattrs) continue;
    MENDFS_ASSIGN_OR_RETURN(auto xattrs, reader.ListXattrs(view, attributes.inode));
    std::sort(xattrs.begin(), xattrs.end());
    for (const std::string& name : xattrs) {
      MENDFS_ASSIGN_OR_RETURN(const std::string value,
                              reader.GetXattr(view, attributes.inode, name));
      text += DescribeXattr(path, name, value);
    }
  }
  return Status::Ok();
}

Status Session::DescribeTables(const View& view, std::string& text) const {
  const TableReader reader(store_->reader());
  MENDFS_ASSIGN_OR_RETURN(const auto schema, reader.GetSchema(view));
  const TypeId node = schema->nodes.at(0).id;
  const EdgeType& edge = schema->edges.at(0);
  std::map<std::string, std::string> rows;
  MENDFS_ASSIGN_OR_RETURN(const auto nodes, reader.ListNodes(view, node, InodeNumber(0)));
  for (;;) {
    MENDFS_ASSIGN_OR_RETURN(const auto listed, nodes->Next());
    if (!listed) break;
    MENDFS_ASSIGN_OR_RETURN(const NodeRow row, reader.GetNode(view, node, listed->key));
    if (row.row != listed->row) return {Code::kInternal, "row " + row.key + " has two numbers"};
    if (!rows.emplace(row.key, row.body).second) {
      return {Code::kInternal, "row " + row.key + " is listed twice"};
    }
  }
  for (const auto& [key, body] : rows) text += DescribeRow(key, body);
  std::map<std::tuple<std::string, std::string, uint32_t>, std::string> sorted;
  MENDFS_ASSIGN_OR_RETURN(const auto edges, reader.ListEdges(view, edge));
  for (;;) {
    MENDFS_ASSIGN_OR_RETURN(const auto listed, edges->Next());
    if (!listed) break;
    MENDFS_ASSIGN_OR_RETURN(
        const EdgeRow row,
        reader.GetEdge(view, edge, listed->source_key, listed->target_key, listed->ends.number));
    sorted[{row.source_key, row.target_key, row.ends.number}] = row.body;
  }
  for (const auto& [ends, body] : sorted) {
    text += DescribeEdge(std::get<0>(ends), std::get<1>(ends), std::get<2>(ends), body);
  }
  const NodeType& type = schema->nodes.at(0);
  text += "properties " + std::to_string(type.properties.size() - 2) + "\n";
  return Status::Ok();
}

Result<std::string> Session::DescribeContent(const View& view) const {
  std::string text;
  MENDFS_RETURN_IF_ERROR(DescribeFiles(view, text).Annotate("list files"));
  MENDFS_RETURN_IF_ERROR(DescribeTables(view, text).Annotate("list tables"));
  return text;
}

Result<std::string> Session::Describe() const {
  MENDFS_ASSIGN_OR_RETURN(std::string text, DescribeContent({}));
  const auto add = [&](std::string_view name, const Result<SnapshotRow>& row) -> Status {
    MENDFS_RETURN_IF_ERROR(row.status());
    MENDFS_RETURN_IF_ERROR(CommitOfSnapshot(*store_, *row).status());
    MENDFS_ASSIGN_OR_RETURN(const std::string then, DescribeContent({row->branch, row->seq}));
    text += DescribeSnapshot(std::string(name), HashXxh3Wide(then));
    return Status::Ok();
  };
  MENDFS_RETURN_IF_ERROR(EachSnapshot(*store_, add).Annotate("list snapshots"));
  return text;
}

}  // namespace mendfs
