#include "mount-tools/verbs/quota_verb.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "meta/files.h"
#include "mount-tools/verbs/text.h"

namespace mendfs {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kDepthMax = 4096;

Result<std::string> NameOf(const FileReader& files, InodeNumber parent, InodeNumber directory) {
  MENDFS_ASSIGN_OR_RETURN(const auto cursor, files.List(View{}, parent, 0));
  while (true) {
    MENDFS_ASSIGN_OR_RETURN(const std::optional<FileEntry> entry, cursor->Next());
    if (!entry) return Status(Code::kNotFound, "the directory was moved meanwhile");
    if (entry->inode == directory) return entry->name;
  }
}

// "files/x/y"; it may be renamed while it is looked for, and is then told by its number.
std::string PathOf(const FileReader& files, InodeNumber directory) {
  std::string path;
  const std::string number = "inode " + std::to_string(directory.value);
  for (int depth = 0; depth < kDepthMax; ++depth) {
    if (directory == kFilesRoot) return "files" + path;
    const Result<Attributes> attributes = files.Get(View{}, directory);
    if (!attributes.ok()) return number;
    const Result<std::string> name = NameOf(files, attributes->parent, directory);
    if (!name.ok()) return number;
    path = "/" + *name + path;
    directory = attributes->parent;
  }
  return number;
}

std::string Text(const std::string& path, const Quota& quota) {
  return HumanBytes(quota.used_bytes) + " of " + HumanBytes(quota.limit_bytes) + "  " +
         Printable(path) + (quota.counting ? "  (counting what was there)" : "") + "\n";
}

std::string JsonText(const std::string& path, const Quota& quota) {
  Json json = {
      {"path", path}, {"limit_bytes", quota.limit_bytes}, {"used_bytes", quota.used_bytes}};
  if (quota.counting) json["counting"] = true;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

Status RunQuotaList(const VerbRequest& request, const VerbHost& host, VerbIo& io) {
  const FileReader files(host.store.door());
  MENDFS_ASSIGN_OR_RETURN(const std::vector<Quota> quotas, files.ListQuotas(View{}));
  for (const Quota& quota : quotas) {
    const std::string path = PathOf(files, quota.directory);
    MENDFS_RETURN_IF_ERROR(io.Out(request.json ? JsonText(path, quota) : Text(path, quota)));
  }
  if (quotas.empty() && !request.json) return io.Out("no quota is set\n");
  return Status::Ok();
}

}  // namespace mendfs
