#include "meta/object/object_store.h"

#include <algorithm>
#include <utility>

#include "meta/base/failpoint.h"

namespace mendfs {
namespace {

constexpr std::string_view kMetaSuffix = ".meta";
constexpr size_t kBitsPerWord = 64;

std::string StagingPath(const std::string& store_path, ObjectKind kind, const Id128& id) {
  return store_path + "/staging/" + std::string(ObjectKindName(kind)) + "-" + ToHex(id);
}

std::string KindDir(const std::string& store_path, ObjectKind kind) {
  return store_path + "/objects/" + std::string(ObjectKindName(kind));
}

std::string FinalDir(const std::string& store_path, ObjectKind kind, const Id128& id) {
  return KindDir(store_path, kind) + "/" + ToHex(id).substr(30);
}

std::string FinalPath(const std::string& store_path, ObjectKind kind, const Id128& id) {
  return FinalDir(store_path, kind, id) + "/" + ToHex(id);
}

Status Corrupt(const std::string& path, std::string_view what) {
  return {Code::kCorruption, "object " + path + ": " + std::string(what)};
}

// A directory is durable before anything is named in it, also one that is there already: who made
// it may have died before it was.
Status EnsureDir(Disk& disk, const std::string& path) {
  const Status made = disk.MakeDir(path);
  if (!made.ok() && made.code() != Code::kExists) return made;
  return disk.SyncDir(ParentPath(path));
}

Status EnsureFinalDir(Disk& disk, const std::string& store_path, ObjectKind kind, const Id128& id) {
  MENDFS_RETURN_IF_ERROR(EnsureDir(disk, store_path + "/objects"));
  MENDFS_RETURN_IF_ERROR(EnsureDir(disk, KindDir(store_path, kind)));
  return EnsureDir(disk, FinalDir(store_path, kind, id));
}

// Step 1 of sealing: the footer behind the payload, or in a blob's own file, which is made durable
// under its final name here, before the blob gets its own. One that an earlier attempt left is
// replaced.
Status WriteFooter(Disk& disk, const std::string& store_path, File& file, const ObjectInfo& info,
                   std::string_view hashes) {
  const std::string footer = std::string(hashes) + EncodeObjectTail(info);
  if (info.kind != ObjectKind::kBlob) return file.WriteAt(info.size_bytes, footer);
  const std::string staged = BlobMetaPath(StagingPath(store_path, info.kind, info.id));
  const std::string sealed = BlobMetaPath(FinalPath(store_path, info.kind, info.id));
  MENDFS_ASSIGN_OR_RETURN(auto meta, disk.Open(staged, OpenMode::kCreateOrOpen));
  Status status = meta->Truncate(0);
  if (status.ok()) status = meta->WriteAt(0, footer);
  if (status.ok()) status = meta->Sync();
  if (status.ok()) status = EnsureFinalDir(disk, store_path, info.kind, info.id);
  if (status.ok()) status = disk.Rename(staged, sealed);
  // A power cut may have left it under both names; a rename from one to the other does nothing.
  if (status.ok() && disk.Stat(staged).ok()) status = disk.Remove(staged);
  if (status.ok()) status = disk.SyncDir(ParentPath(sealed));
  if (status.ok()) status = HitFailpoint(Failpoint::kBlobAfterMeta);
  if (!status.ok()) disk.Remove(staged).IgnoreError();  // residue by its name otherwise
  return status;
}

// Steps 2 to 4 of sealing. `path` follows the file to its final name.
Status SyncAndName(Disk& disk, const std::string& store_path, File& file, const ObjectInfo& info,
                   std::string& path) {
  // Crash before 2: a staging file without all of its bytes; removed at the next open.
  MENDFS_FAILPOINT(kObjectBeforeSync);
  MENDFS_RETURN_IF_ERROR(file.Sync());
  // Crash before 3: a whole staging file; removed at the next open.
  MENDFS_RETURN_IF_ERROR(EnsureFinalDir(disk, store_path, info.kind, info.id));
  MENDFS_FAILPOINT(kObjectBeforeRename);
  const std::string final_path = FinalPath(store_path, info.kind, info.id);
  MENDFS_RETURN_IF_ERROR(disk.Rename(path, final_path));
  // A power cut may have left the file under both names; a rename from one to the other does
  // nothing.
  if (disk.Stat(path).ok()) MENDFS_RETURN_IF_ERROR(disk.Remove(path));
  path = final_path;
  // Crash before 4: the object, whole, under one of its two names.
  MENDFS_FAILPOINT(kObjectAfterRename);
  return disk.SyncDir(ParentPath(final_path));
}

void RemoveFiles(Disk& disk, const std::string& store_path, const ObjectInfo& info,
                 const std::string& path) {
  disk.Remove(path).IgnoreError();  // residue by its name, or an orphan that a check finds
  if (info.kind != ObjectKind::kBlob) return;
  disk.Remove(BlobMetaPath(FinalPath(store_path, info.kind, info.id))).IgnoreError();
}

}  // namespace

std::string BlobMetaPath(const std::string& path) {
  return path + std::string(kMetaSuffix);
}

// ------------------------------------------------------------------------------------- writing
ObjectWriter::ObjectWriter(Disk& disk, std::string store_path, ObjectKind kind, const Id128& id,
                           std::unique_ptr<File> file)
    : disk_(disk), store_path_(std::move(store_path)), file_(std::move(file)) {
  info_.kind = kind;
  info_.id = id;
  current_path_ = StagingPath(store_path_, kind, id);
  block_.reserve(kObjectBlockBytes);
}

ObjectWriter::~ObjectWriter() {
  Abandon();
}

void ObjectWriter::Abandon() {
  if (current_path_.empty()) return;
  file_.reset();
  RemoveFiles(disk_, store_path_, info_, current_path_);
  current_path_.clear();
  if (failed_.ok()) failed_ = Status(Code::kInternal, "the object was abandoned");
}

Status ObjectWriter::FlushBlock() {
  if (block_.empty()) return Status::Ok();
  failed_ = file_->WriteAt(info_.size_bytes, block_);
  if (!failed_.ok()) return failed_;
  hashes_.push_back(HashXxh3Wide(block_));
  sha256_.Update(block_);
  info_.size_bytes += block_.size();
  block_.clear();
  return Status::Ok();
}

Status ObjectWriter::Append(std::string_view bytes) {
  MENDFS_RETURN_IF_ERROR(failed_);
  while (!bytes.empty()) {
    const size_t taken = std::min(bytes.size(), kObjectBlockBytes - block_.size());
    block_.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    if (block_.size() == kObjectBlockBytes) MENDFS_RETURN_IF_ERROR(FlushBlock());
  }
  return Status::Ok();
}

Result<ObjectInfo> ObjectWriter::TrySeal() {
  MENDFS_RETURN_IF_ERROR(failed_);
  MENDFS_RETURN_IF_ERROR(FlushBlock());
  const std::string hashes = EncodeBlockHashes(hashes_);
  info_.fingerprint = HashXxh3Wide(hashes);
  info_.sha256 = sha256_.Finish();
  info_.file_size_bytes = ObjectFileBytes(info_.kind, info_.size_bytes);
  MENDFS_RETURN_IF_ERROR(WriteFooter(disk_, store_path_, *file_, info_, hashes));
  MENDFS_RETURN_IF_ERROR(SyncAndName(disk_, store_path_, *file_, info_, current_path_));
  return info_;
}

Result<ObjectInfo> ObjectWriter::Seal() {
  auto sealed = TrySeal();
  if (!sealed.ok()) {
    failed_ = sealed.status().Annotate("seal " + std::string(ObjectKindName(info_.kind)) + " " +
                                       ToHex(info_.id));
    Abandon();
    return failed_;
  }
  current_path_.clear();
  file_.reset();
  failed_ = Status(Code::kInternal, "the object is sealed");
  return sealed;
}

// ------------------------------------------------------------------------------------- reading
ObjectReader::ObjectReader(std::string path, std::unique_ptr<File> file, const ObjectInfo& info,
                           std::vector<Hash128> hashes)
    : path_(std::move(path)),
      file_(std::move(file)),
      info_(info),
      hashes_(std::move(hashes)),
      verified_(std::make_unique<std::atomic<uint64_t>[]>(hashes_.size() / kBitsPerWord + 1)) {}

ObjectReader::~ObjectReader() = default;

bool ObjectReader::IsVerified(uint64_t block) const {
  const uint64_t word = verified_[block / kBitsPerWord].load(std::memory_order_relaxed);
  return (word >> (block % kBitsPerWord) & 1) != 0;
}

Status ObjectReader::ReadBlock(uint64_t block, std::string& bytes) const {
  const uint64_t offset = block * kObjectBlockBytes;
  const size_t wanted =
      static_cast<size_t>(std::min<uint64_t>(kObjectBlockBytes, info_.size_bytes - offset));
  bytes.resize(wanted);
  MENDFS_ASSIGN_OR_RETURN(const size_t got, file_->ReadAt(offset, wanted, bytes.data()));
  if (got != wanted) {
    return Corrupt(path_, "ends at " + std::to_string(offset + got) + ", want " +
                              std::to_string(info_.size_bytes) + " bytes");
  }
  if (HashXxh3Wide(bytes) != hashes_[block]) {
    return Corrupt(path_, "block " + std::to_string(block) + " at offset " +
                              std::to_string(offset) + " fails its hash");
  }
  verified_[block / kBitsPerWord].fetch_or(uint64_t{1} << (block % kBitsPerWord),
                                           std::memory_order_relaxed);
  return Status::Ok();
}

Status ObjectReader::VerifyBlocks(uint64_t offset, size_t size) const {
  std::string bytes;
  const uint64_t last = (offset + size - 1) / kObjectBlockBytes;
  for (uint64_t block = offset / kObjectBlockBytes; block <= last; ++block) {
    if (!IsVerified(block)) MENDFS_RETURN_IF_ERROR(ReadBlock(block, bytes));
  }
  return Status::Ok();
}

Result<size_t> ObjectReader::ReadAt(uint64_t offset, size_t size, char* target) const {
  if (offset >= info_.size_bytes || size == 0) return size_t{0};
  size = static_cast<size_t>(std::min<uint64_t>(size, info_.size_bytes - offset));
  const uint64_t block = offset / kObjectBlockBytes;
  const uint64_t within = offset - block * kObjectBlockBytes;
  if (!IsVerified(block) && within + size <= kObjectBlockBytes) {
    // The common case of a table: the block that was just verified is the one to copy from.
    std::string bytes;
    MENDFS_RETURN_IF_ERROR(ReadBlock(block, bytes));
    bytes.copy(target, size, static_cast<size_t>(within));
    return size;
  }
  MENDFS_RETURN_IF_ERROR(VerifyBlocks(offset, size));
  MENDFS_ASSIGN_OR_RETURN(const size_t got, file_->ReadAt(offset, size, target));
  if (got != size) return Corrupt(path_, "became shorter than its footer says");
  return size;
}

Status ObjectReader::VerifyAll() const {
  Sha256 sha256;
  std::string bytes;
  for (uint64_t block = 0; block < hashes_.size(); ++block) {
    MENDFS_RETURN_IF_ERROR(ReadBlock(block, bytes));
    sha256.Update(bytes);
  }
  if (sha256.Finish() != info_.sha256) return Corrupt(path_, "payload fails its SHA-256");
  return Status::Ok();
}

// --------------------------------------------------------------------------------------- store
ObjectStore::ObjectStore(Disk& disk, std::string store_path)
    : disk_(disk), store_path_(std::move(store_path)) {}

std::string ObjectStore::PathOf(ObjectKind kind, const Id128& id) const {
  return FinalPath(store_path_, kind, id);
}

std::string ObjectStore::StagingPathOf(ObjectKind kind, const Id128& id) const {
  return StagingPath(store_path_, kind, id);
}

Result<std::unique_ptr<ObjectWriter>> ObjectStore::Begin(ObjectKind kind) {
  return BeginAs(kind, RandomId());
}

Result<std::unique_ptr<ObjectWriter>> ObjectStore::BeginAs(ObjectKind kind, const Id128& id) {
  MENDFS_RETURN_IF_ERROR(EnsureDir(disk_, store_path_ + "/staging"));
  MENDFS_ASSIGN_OR_RETURN(auto file,
                          disk_.Open(StagingPath(store_path_, kind, id), OpenMode::kCreate));
  return std::make_unique<ObjectWriter>(disk_, store_path_, kind, id, std::move(file));
}

Status PayloadHash::Step(const File& file, const std::string& path, uint64_t payload_bytes,
                         uint64_t& budget_bytes) {
  std::string bytes;
  while (hashed_bytes_ < payload_bytes && budget_bytes > 0) {
    bytes.resize(
        static_cast<size_t>(std::min<uint64_t>(kObjectBlockBytes, payload_bytes - hashed_bytes_)));
    MENDFS_ASSIGN_OR_RETURN(const size_t got,
                            file.ReadAt(hashed_bytes_, bytes.size(), bytes.data()));
    if (got != bytes.size()) return Corrupt(path, "shorter than the payload to seal");
    hashes_.push_back(HashXxh3Wide(bytes));
    sha256_.Update(bytes);
    hashed_bytes_ += bytes.size();
    budget_bytes -= std::min<uint64_t>(budget_bytes, bytes.size());
  }
  return Status::Ok();
}

std::string PayloadHash::Finish(ObjectInfo& info) {
  if (!digest_) digest_ = sha256_.Finish();
  std::string encoded = EncodeBlockHashes(hashes_);
  info.size_bytes = hashed_bytes_;
  info.fingerprint = HashXxh3Wide(encoded);
  info.sha256 = *digest_;
  info.file_size_bytes = ObjectFileBytes(info.kind, info.size_bytes);
  return encoded;
}

Result<ObjectInfo> ObjectStore::Adopt(ObjectKind kind, const Id128& id, const std::string& path,
                                      uint64_t payload_bytes) {
  PayloadHash hash;
  {
    MENDFS_ASSIGN_OR_RETURN(const auto file, disk_.Open(path, OpenMode::kRead));
    uint64_t budget_bytes = UINT64_MAX;
    MENDFS_RETURN_IF_ERROR(hash.Step(*file, path, payload_bytes, budget_bytes));
  }
  return SealFile(kind, id, path, hash);
}

Result<ObjectInfo> ObjectStore::SealStaged(ObjectKind kind, const Id128& id, PayloadHash& hash) {
  return SealFile(kind, id, StagingPathOf(kind, id), hash);
}

Result<ObjectInfo> ObjectStore::SealFile(ObjectKind kind, const Id128& id, const std::string& path,
                                         PayloadHash& hash) {
  MENDFS_ASSIGN_OR_RETURN(auto file, disk_.Open(path, OpenMode::kReadWrite));
  ObjectInfo info;
  info.id = id;
  info.kind = kind;
  const std::string hashes = hash.Finish(info);
  // A footer of an earlier attempt, or space that was reserved.
  MENDFS_RETURN_IF_ERROR(file->Truncate(info.size_bytes));
  MENDFS_RETURN_IF_ERROR(WriteFooter(disk_, store_path_, *file, info, hashes));
  std::string current_path = path;
  MENDFS_RETURN_IF_ERROR(
      SyncAndName(disk_, store_path_, *file, info, current_path).Annotate("seal " + path));
  MENDFS_RETURN_IF_ERROR(disk_.SyncDir(ParentPath(path)));
  return info;
}

namespace {

// Opens a regular file; anything else in its place is damage.
Result<std::unique_ptr<File>> OpenRegular(Disk& disk, const std::string& path) {
  MENDFS_ASSIGN_OR_RETURN(const FileInfo info, disk.Stat(path));
  if (info.kind != FileKind::kRegular) return Corrupt(path, "is no regular file");
  return disk.Open(path, OpenMode::kRead);
}

struct Footer {
  ObjectInfo info;
  std::vector<Hash128> hashes;
};

Result<std::string> ReadExactly(const File& file, const std::string& path, uint64_t offset,
                                uint64_t size) {
  std::string bytes(static_cast<size_t>(size), '\0');
  MENDFS_ASSIGN_OR_RETURN(const size_t got, file.ReadAt(offset, bytes.size(), bytes.data()));
  if (got != bytes.size()) return Corrupt(path, "became shorter while it was read");
  return bytes;
}

Result<Footer> ReadFooter(const File& file, const std::string& path) {
  MENDFS_ASSIGN_OR_RETURN(const uint64_t file_bytes, file.Size());
  if (file_bytes < kObjectTailBytes) return Corrupt(path, "shorter than an object's footer");
  const uint64_t tail_offset = file_bytes - kObjectTailBytes;
  MENDFS_ASSIGN_OR_RETURN(const std::string tail,
                          ReadExactly(file, path, tail_offset, kObjectTailBytes));
  auto info = DecodeObjectTail(tail);
  if (!info.ok()) return info.status().Annotate("object " + path);
  const bool is_blob = info->kind == ObjectKind::kBlob;
  // Compared before anything is sized by it: what follows is bounded by the file.
  if (ObjectFooterBytes(info->size_bytes) + (is_blob ? 0 : info->size_bytes) != file_bytes) {
    return Corrupt(path, "its " + std::to_string(file_bytes) + " bytes do not fit a payload of " +
                             std::to_string(info->size_bytes));
  }
  const uint64_t hashes_bytes = ObjectBlockCount(info->size_bytes) * kObjectHashBytes;
  MENDFS_ASSIGN_OR_RETURN(const std::string hashes,
                          ReadExactly(file, path, tail_offset - hashes_bytes, hashes_bytes));
  if (HashXxh3Wide(hashes) != info->fingerprint) {
    return Corrupt(path, "block hashes fail the fingerprint");
  }
  return Footer{*info, DecodeBlockHashes(hashes)};
}

}  // namespace

Result<std::unique_ptr<ObjectReader>> ObjectStore::Open(ObjectKind kind, const Id128& id) const {
  const std::string path = PathOf(kind, id);
  MENDFS_ASSIGN_OR_RETURN(auto file, OpenRegular(disk_, path));
  Footer footer;
  if (kind == ObjectKind::kBlob) {
    auto meta = OpenRegular(disk_, BlobMetaPath(path));
    if (meta.status().code() == Code::kNotFound) return Corrupt(path, "its .meta is missing");
    MENDFS_RETURN_IF_ERROR(meta.status());
    MENDFS_ASSIGN_OR_RETURN(footer, ReadFooter(**meta, BlobMetaPath(path)));
    MENDFS_ASSIGN_OR_RETURN(const uint64_t file_bytes, file->Size());
    if (file_bytes != footer.info.size_bytes) return Corrupt(path, "its size is not its .meta's");
  } else {
    MENDFS_ASSIGN_OR_RETURN(footer, ReadFooter(*file, path));
  }
  if (footer.info.id != id || footer.info.kind != kind) {
    return Corrupt(path, "holds " + std::string(ObjectKindName(footer.info.kind)) + " " +
                             ToHex(footer.info.id));
  }
  return std::make_unique<ObjectReader>(path, std::move(file), footer.info,
                                        std::move(footer.hashes));
}

Result<std::unique_ptr<ObjectReader>> ObjectStore::Open(const ObjectInfo& info) const {
  MENDFS_ASSIGN_OR_RETURN(auto reader, Open(info.kind, info.id));
  if (reader->info() != info) {
    return Corrupt(reader->path(), "its footer is not the one that the manifest names");
  }
  return reader;
}

Status ObjectStore::Remove(ObjectKind kind, const Id128& id) {
  const std::string path = PathOf(kind, id);
  Status status = disk_.Remove(path);
  if (status.code() == Code::kNotFound) status = Status::Ok();
  if (!status.ok() || kind != ObjectKind::kBlob) return status;
  status = disk_.Remove(BlobMetaPath(path));
  return status.code() == Code::kNotFound ? Status::Ok() : status;
}

Status ObjectStore::SyncNames(ObjectKind kind, const Id128& id) {
  const Status synced = disk_.SyncDir(FinalDir(store_path_, kind, id));
  return synced.code() == Code::kNotFound ? Status::Ok() : synced;
}

Status ObjectStore::Walk(ObjectKind kind, const std::function<Status(const Found&)>& visit) const {
  const std::string kind_dir = KindDir(store_path_, kind);
  auto dirs = disk_.List(kind_dir);
  if (dirs.status().code() == Code::kNotFound) return Status::Ok();  // none was ever made
  MENDFS_RETURN_IF_ERROR(dirs.status());
  for (const DirEntry& dir : *dirs) {
    const std::string dir_path = kind_dir + "/" + dir.name;
    if (dir.kind != FileKind::kDirectory) {
      MENDFS_ASSIGN_OR_RETURN(const FileInfo info, disk_.Stat(dir_path));
      MENDFS_RETURN_IF_ERROR(visit({dir_path, std::nullopt, info}));
      continue;
    }
    MENDFS_ASSIGN_OR_RETURN(const std::vector<DirEntry> files, disk_.List(dir_path));
    for (const DirEntry& file : files) {
      std::string_view name = file.name;
      if (kind == ObjectKind::kBlob && name.ends_with(kMetaSuffix)) {
        name.remove_suffix(kMetaSuffix.size());
      }
      Found found{dir_path + "/" + file.name, ParseId(name), {}};
      const auto info = disk_.Stat(found.path);
      if (info.status().code() == Code::kNotFound) continue;  // removed since the listing
      MENDFS_RETURN_IF_ERROR(info.status());
      found.info = *info;
      const bool ours =
          found.id && found.info.kind == FileKind::kRegular && name.substr(30) == dir.name;
      if (!ours) found.id.reset();
      MENDFS_RETURN_IF_ERROR(visit(found));
    }
  }
  return Status::Ok();
}

std::optional<Id128> ParseObjectStagingName(std::string_view name) {
  if (name.ends_with(kMetaSuffix)) name.remove_suffix(kMetaSuffix.size());
  const size_t dash = name.find('-');
  if (dash == std::string_view::npos || !ParseObjectKind(name.substr(0, dash))) return std::nullopt;
  return ParseId(name.substr(dash + 1));
}

}  // namespace mendfs
