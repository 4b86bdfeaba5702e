// An open generated file: its text is fixed at open.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "fs/ops/plane/plane.h"

namespace mendfs {

class TextHandle final : public FileHandle {
 public:
  // Shared with whoever rendered it and may hand it out again.
  explicit TextHandle(std::shared_ptr<const std::string> text) : text_(std::move(text)) {}

  Result<size_t> Read(uint64_t offset, size_t size_bytes, char* target) override {
    if (offset >= text_->size()) return size_t{0};
    size_t count = std::min<uint64_t>(size_bytes, text_->size() - offset);
    std::memcpy(target, text_->data() + offset, count);
    return count;
  }

 private:
  const std::shared_ptr<const std::string> text_;
};

inline Opened OpenText(std::shared_ptr<const std::string> text) {
  return {.handle = std::make_unique<TextHandle>(std::move(text)),
          .direct_io = true,
          .keep_cache = false,
          .no_flush = true};
}

}  // namespace mendfs
