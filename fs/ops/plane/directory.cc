#include "fs/ops/plane/directory.h"

#include <sys/stat.h>

#include <chrono>
#include <utility>

namespace mendfs {
namespace {

class FixedStream final : public NameStream {
 public:
  FixedStream(const std::vector<ListedName>& names, size_t first) : names_(names), next_(first) {}
  Result<std::optional<ListedName>> Next() override {
    if (next_ >= names_.size()) return std::optional<ListedName>();
    return std::optional(names_[next_++]);
  }

 private:
  const std::vector<ListedName>& names_;
  size_t next_;
};

}  // namespace

int64_t SteadyNowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

DirectoryHandle::DirectoryHandle(const Ends& ends, std::unique_ptr<NameSource> source)
    : ends_(ends), source_(std::move(source)) {}

Status DirectoryHandle::Read(uint64_t after, NameSink& sink) {
  MutexLock lock(mutex_);
  last_read_ns_ = SteadyNowNs();
  if (after < kDotCookie) {
    if (!sink.Add({".", ends_.self, S_IFDIR, kDotCookie})) return {};
  }
  if (after < kDotDotCookie) {
    if (!sink.Add({"..", ends_.parent, S_IFDIR, kDotDotCookie})) return {};
    after = kDotDotCookie;
  }
  return ReadStream(after, sink);
}

Status DirectoryHandle::ReadStream(uint64_t after, NameSink& sink) {
  // A seek, a rewind or an idle stream: start a new one behind the cookie.
  if (!stream_ || after != position_) {
    refused_.reset();
    stream_.reset();
    MENDFS_ASSIGN_OR_RETURN(stream_, source_->OpenAt(after < kFirstCookie ? 0 : after));
    position_ = after;
  }
  for (;;) {
    Result<std::optional<ListedName>> next = TakeNext();
    if (!next.ok()) {
      stream_.reset();
      return next.status();
    }
    if (!next->has_value()) return {};
    ListedName listed = *std::move(*next);
    uint64_t cookie = listed.cookie;
    if (!sink.Add(listed)) {
      refused_ = std::move(listed);
      return {};
    }
    position_ = cookie;
  }
}

Result<std::optional<ListedName>> DirectoryHandle::TakeNext() {
  if (refused_) return std::exchange(refused_, std::nullopt);
  return stream_->Next();
}

std::unique_ptr<NameSource> DirectoryHandle::TakeSource() {
  MutexLock lock(mutex_);
  stream_.reset();
  return std::move(source_);
}

void DirectoryHandle::DropIdleStream(int64_t idle_since_ns) {
  MutexLock lock(mutex_);
  if (last_read_ns_ > idle_since_ns) return;
  refused_.reset();
  stream_.reset();
}

FixedNames::FixedNames(std::vector<ListedName> names) : names_(std::move(names)) {
  uint64_t cookie = kFirstCookie;
  for (ListedName& name : names_) name.cookie = cookie++;
}

Result<std::unique_ptr<NameStream>> FixedNames::OpenAt(uint64_t after) {
  size_t first = after < kFirstCookie ? 0 : after - kFirstCookie + 1;
  return std::unique_ptr<NameStream>(std::make_unique<FixedStream>(names_, first));
}

}  // namespace mendfs
