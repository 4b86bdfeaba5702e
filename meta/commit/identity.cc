#include "meta/commit/identity.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

namespace mendfs {
namespace {

constexpr uint64_t kIdentityBytesMax = 64 << 10;

template <typename T>
bool Take(const nlohmann::json& object, const char* name, T& value) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_integer()) return false;
  const int64_t number = found->get<int64_t>();
  if (number < 0 || static_cast<uint64_t>(number) > uint64_t{std::numeric_limits<T>::max()}) {
    return false;
  }
  value = static_cast<T>(number);
  return true;
}

}  // namespace

std::string EncodeIdentity(const StoreIdentity& identity) {
  nlohmann::ordered_json object;
  object["mendfs"] = "store";
  object["format_version"] = identity.format_version;
  object["uuid"] = identity.uuid;
  object["created_ns"] = identity.created_ns;
  object["owner_uid"] = identity.owner_uid;
  object["owner_gid"] = identity.owner_gid;
  return object.dump(2) + "\n";
}

Result<StoreIdentity> DecodeIdentity(std::string_view text) {
  const auto object = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  StoreIdentity identity;
  if (!object.is_object() || object.value("mendfs", nlohmann::json()) != "store" ||
      !Take(object, "format_version", identity.format_version)) {
    return Status(Code::kCorruption, "mendfs.json is damaged: not a store's identity");
  }
  if (identity.format_version > kStoreFormatVersion) {
    return Status(Code::kUnsupported,
                  "the store has format " + std::to_string(identity.format_version) +
                      ", this program knows up to " + std::to_string(kStoreFormatVersion) +
                      "; use a newer mendfs, nothing was changed");
  }
  const auto uuid = object.find("uuid");
  if (identity.format_version == 0 || uuid == object.end() || !uuid->is_string() ||
      !ParseId(uuid->get<std::string>()) || !Take(object, "created_ns", identity.created_ns) ||
      !Take(object, "owner_uid", identity.owner_uid) ||
      !Take(object, "owner_gid", identity.owner_gid)) {
    return Status(Code::kCorruption, "mendfs.json is damaged: a field is missing or malformed");
  }
  identity.uuid = uuid->get<std::string>();
  return identity;
}

Result<StoreIdentity> ReadIdentity(Disk& disk, const std::string& store_path) {
  auto text = ReadWholeFile(disk, store_path + "/mendfs.json", kIdentityBytesMax);
  if (!text.ok() &&
      (text.status().code() == Code::kNotFound || text.status().code() == Code::kNotDirectory)) {
    return Status(Code::kNotFound, store_path + " is not a MendFS store (it has no mendfs.json); " +
                                       "make one with: mendfs mkfs " + store_path);
  }
  MENDFS_RETURN_IF_ERROR(text.status());
  auto identity = DecodeIdentity(*text);
  if (!identity.ok()) return identity.status().Annotate(store_path);
  return identity;
}

std::string HolderText() {
  char host[256] = "localhost";
  gethostname(host, sizeof(host) - 1);
  return "pid " + std::to_string(getpid()) + " on " + host;
}

}  // namespace mendfs
