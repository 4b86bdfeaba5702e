#include "meta/commit/intent/sidecar_files.h"

#include <optional>
#include <string_view>

#include "meta/codec/hash.h"

namespace mendfs {
namespace {

constexpr std::string_view kSuffix = ".json";
constexpr std::string_view kNewSuffix = ".json.new";

std::optional<Id128> ParseName(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return std::nullopt;
  return ParseId(name.substr(0, name.size() - suffix.size()));
}

Status IgnoreNotFound(Status status) {
  return status.code() == Code::kNotFound ? Status::Ok() : status;
}

}  // namespace

std::string SidecarFiles::NameOf(const Id128& operation) {
  return ToHex(operation) + std::string(kSuffix);
}

std::string SidecarFiles::PathOf(const Id128& operation) const {
  return directory_ + "/" + NameOf(operation);
}

Status SidecarFiles::Write(const Sidecar& sidecar) {
  MENDFS_ASSIGN_OR_RETURN(const std::string bytes, EncodeSidecar(sidecar));
  return ReplaceFile(disk_, PathOf(sidecar.operation), bytes);
}

Result<std::string> SidecarFiles::ReadBytes(const Id128& operation) const {
  return ReadWholeFile(disk_, PathOf(operation), kSidecarBytesMax);
}

Result<Sidecar> SidecarFiles::Read(const Id128& operation) const {
  const std::string path = PathOf(operation);
  const auto bytes = ReadBytes(operation);
  if (!bytes.ok()) {
    const Code code =
        bytes.status().code() == Code::kTooBig ? Code::kCorruption : bytes.status().code();
    return Status(code, "read " + path + ": " + bytes.status().message());
  }
  auto sidecar = DecodeSidecar(*bytes);
  if (!sidecar.ok()) return sidecar.status().Annotate("read " + path);
  if (sidecar->operation != operation) {
    return Status(Code::kCorruption, "read " + path + ": the sidecar is damaged: it is that of " +
                                         ToHex(sidecar->operation));
  }
  return sidecar;
}

Status SidecarFiles::Remove(const Id128& operation) {
  MENDFS_RETURN_IF_ERROR(IgnoreNotFound(disk_.Remove(PathOf(operation))));
  return disk_.SyncDir(directory_);
}

Status SidecarFiles::RemoveUnfinished(const Id128& operation) {
  return IgnoreNotFound(
      disk_.Remove(directory_ + "/" + ToHex(operation) + std::string(kNewSuffix)));
}

Result<SidecarFiles::Listing> SidecarFiles::List() const {
  const auto entries = disk_.List(directory_);
  if (!entries.ok()) return entries.status().Annotate("list " + directory_);
  Listing listing;
  for (const DirEntry& entry : *entries) {
    const bool regular = entry.kind == FileKind::kRegular;
    if (const auto operation = ParseName(entry.name, kSuffix); operation && regular) {
      listing.operations.push_back(*operation);
    } else if (const auto torn = ParseName(entry.name, kNewSuffix); torn && regular) {
      listing.unfinished.push_back(*torn);
    } else {
      listing.foreign.push_back(entry.name);
    }
  }
  return listing;
}

}  // namespace mendfs
