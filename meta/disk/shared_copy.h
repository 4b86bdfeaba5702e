// A value that several owners share until one of them changes it: copying one costs a count.
//
// Threads:  an owner belongs to one thread at a time; owners of one value may live in several
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace mendfs {

template <typename T>
class SharedCopy {
 public:
  SharedCopy() : box_(new Box) {}
  explicit SharedCopy(T value) : box_(new Box{1, std::move(value)}) {}
  SharedCopy(const SharedCopy& other) : box_(other.box_) {
    box_->owners.fetch_add(1, std::memory_order_relaxed);
  }
  SharedCopy(SharedCopy&& other) noexcept : box_(std::exchange(other.box_, nullptr)) {}
  SharedCopy& operator=(SharedCopy other) noexcept {
    std::swap(box_, other.box_);
    return *this;
  }
  ~SharedCopy() { Drop(); }

  const T& operator*() const { return box_->value; }
  const T* operator->() const { return &box_->value; }

  // To be changed: a copy of its own where others share it.
  T& Own() {
    if (box_->owners.load(std::memory_order_acquire) > 1) {
      Box* const copy = new Box{1, box_->value};
      Drop();
      box_ = copy;
    }
    return box_->value;
  }

 private:
  struct Box {
    std::atomic<uint32_t> owners{1};
    T value{};
  };

  void Drop() {
    if (box_ != nullptr && box_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) delete box_;
  }

  Box* box_;
};

}  // namespace mendfs
