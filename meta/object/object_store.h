// Objects: immutable files of bytes under STORE/objects/<kind>/<last 2 hex>/<32 hex id>.
//
// An object is written under STORE/staging/<kind>-<id> and sealed once:
//   1 footer appended · 2 file synced · 3 renamed into place · 4 directory synced
// After a crash before 3 the staging file is residue that its name owns; after 3 the object is
// whole or absent. Sealed bytes never change. What names an object is the manifest's business.
//
// Units:    offsets and sizes in bytes, of the payload unless said otherwise
// Lifetime: the ObjectStore and its Disk outlive writers and readers
// Threads:  ObjectStore and ObjectReader are safe from any thread; an ObjectWriter belongs to one
// Errors:   kNotFound; kCorruption with the path when a file is not what its footer says or is no
//           regular file; kUnsupported for a newer format; kNoSpace, kIo
// Source:   docs/formats/object.md
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/disk/disk.h"
#include "meta/object/object_format.h"

namespace mendfs {

// Appends a payload and seals it. Destroying one that is not sealed abandons it.
class ObjectWriter {
 public:
  ObjectWriter(Disk& disk, std::string store_path, ObjectKind kind, const Id128& id,
               std::unique_ptr<File> file);
  ~ObjectWriter();
  ObjectWriter(const ObjectWriter&) = delete;
  ObjectWriter& operator=(const ObjectWriter&) = delete;

  const Id128& id() const { return info_.id; }
  uint64_t size_bytes() const { return info_.size_bytes + block_.size(); }

  // The first failure stays: later calls and Seal answer it too.
  Status Append(std::string_view bytes);
  // Durable and under its final name when this returns ok; on error nothing is left behind.
  Result<ObjectInfo> Seal();
  // Removes what was written.
  void Abandon();

 private:
  Status FlushBlock();
  Result<ObjectInfo> TrySeal();

  Disk& disk_;
  const std::string store_path_;
  std::string current_path_;  // empty once sealed or abandoned
  std::unique_ptr<File> file_;
  ObjectInfo info_;
  std::string block_;  // less than one block
  std::vector<Hash128> hashes_;
  Sha256 sha256_;
  Status failed_;
};

class ObjectReader {
 public:
  ObjectReader(std::string path, std::unique_ptr<File> file, const ObjectInfo& info,
               std::vector<Hash128> hashes);
  ~ObjectReader();

  const ObjectInfo& info() const { return info_; }
  const std::string& path() const { return path_; }

  // Fewer than `size` bytes only at the end of the payload. A block is verified the first time that
  // a read touches it. On error `target` holds anything.
  Result<size_t> ReadAt(uint64_t offset, size_t size, char* target) const;
  // Reads everything once more: kCorruption unless every block, the fingerprint and the SHA-256
  // fit.
  Status VerifyAll() const;

 private:
  Status ReadBlock(uint64_t block, std::string& bytes) const;
  Status VerifyBlocks(uint64_t offset, size_t size) const;
  bool IsVerified(uint64_t block) const;

  const std::string path_;
  const std::unique_ptr<File> file_;
  const ObjectInfo info_;
  const std::vector<Hash128> hashes_;
  // One bit a block; set after the block's hash was found right.
  const std::unique_ptr<std::atomic<uint64_t>[]> verified_;
};

// The hashes of a payload that changes no more, taken from its front in steps.
//
// Threads:  one
class PayloadHash {
 public:
  // Goes on behind what was hashed, up to `payload_bytes` and until the budget is used up; takes
  // off it what it read. kCorruption when the file is shorter.
  Status Step(const File& file, const std::string& path, uint64_t payload_bytes,
              uint64_t& budget_bytes);
  uint64_t hashed_bytes() const { return hashed_bytes_; }
  // What was hashed is the whole payload: fills sizes and hashes, answers the block hashes' bytes.
  std::string Finish(ObjectInfo& info);

 private:
  uint64_t hashed_bytes_ = 0;
  std::vector<Hash128> hashes_;
  Sha256 sha256_;
  std::optional<Sha256Digest> digest_;  // once finished
};

class ObjectStore {
 public:
  ObjectStore(Disk& disk, std::string store_path);

  Result<std::unique_ptr<ObjectWriter>> Begin(ObjectKind kind);
  // The same under an id that the caller minted, and wrote down, before.
  Result<std::unique_ptr<ObjectWriter>> BeginAs(ObjectKind kind, const Id128& id);
  // Seals the first `payload_bytes` of a file that exists (a piece of the journal) in place of a
  // staging file, under an id that the caller owns; what stands behind them is dropped. On error
  // before the rename the file keeps its name and its payload, and the call may be repeated.
  Result<ObjectInfo> Adopt(ObjectKind kind, const Id128& id, const std::string& path,
                           uint64_t payload_bytes);

  // The same for the staging file of an object that was written without a writer (an open pack or
  // blob): its payload is what was hashed.
  Result<ObjectInfo> SealStaged(ObjectKind kind, const Id128& id, PayloadHash& hash);

  Result<std::unique_ptr<ObjectReader>> Open(ObjectKind kind, const Id128& id) const;
  // kCorruption unless the file is the very object that `info` describes.
  Result<std::unique_ptr<ObjectReader>> Open(const ObjectInfo& info) const;
  // Ok if it was not there. The caller knows that nothing names it. Of a blob the .meta goes last,
  // as it came first: a .meta alone is residue, a blob without one would be damage.
  Status Remove(ObjectKind kind, const Id128& id);
  // The object's name, or that it is gone, is durable when this returns ok.
  Status SyncNames(ObjectKind kind, const Id128& id);

  std::string PathOf(ObjectKind kind, const Id128& id) const;
  std::string StagingPathOf(ObjectKind kind, const Id128& id) const;
  const std::string& store_path() const { return store_path_; }
  Disk& disk() const { return disk_; }

  // Everything below objects/<kind>, sorted by path, as it is named: nothing is opened or followed.
  struct Found {
    std::string path;
    std::optional<Id128> id;  // of the object that the file, or a blob's .meta, belongs to;
                              // empty: no file of ours (name, depth or kind of file)
    FileInfo info;
  };
  Status Walk(ObjectKind kind, const std::function<Status(const Found&)>& visit) const;

 private:
  Result<ObjectInfo> SealFile(ObjectKind kind, const Id128& id, const std::string& path,
                              PayloadHash& hash);

  Disk& disk_;
  const std::string store_path_;
};

// Of the file beside a blob that vouches for it.
std::string BlobMetaPath(const std::string& path);

// The object of STORE/staging/<kind>-<32 hex>; nothing for other names. Nobody owns such a file
// once no process has the store open, but for packs that the manifest calls open.
std::optional<Id128> ParseObjectStagingName(std::string_view name);

}  // namespace mendfs
