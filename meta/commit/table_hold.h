// The tables' gate, held by one write or by a bulk write, with nothing left behind it: a multi-step
// write that failed is finished first (Door::Heal), so that nobody builds on half of it.
//
//   1 heal · 2 the gate · 3 looked again: another one may have failed while this one waited
//
// Threads:  one
// Errors:   status(): as Door::Heal; kBusy when kHealsMax writes failed while this one waited
// Cost:     two atomic loads beside the gate
#pragma once

#include "meta/commit/door.h"

namespace mendfs {

class TableHold {
 public:
  enum class Mode { kShared, kExclusive };
  // A full disk keeps nobody from deleting, which may be what makes room again. What is deleted
  // then counts as any change does: recovery does not finish what built on it.
  enum class Purpose { kPut, kDelete };

  explicit TableHold(Door& door, Mode mode = Mode::kShared, Purpose purpose = Purpose::kPut)
      : door_(door), mode_(mode) {
    for (unsigned tries = 0; tries < kHealsMax; ++tries) {
      status_ = door_.Heal();
      const bool let_by = purpose == Purpose::kDelete && status_.code() == Code::kNoSpace;
      if (let_by) status_ = Status::Ok();
      if (!status_.ok()) return;
      Lock();
      if (let_by || !door_.NeedsHeal()) return;
      Unlock();
    }
    status_ = Status(Code::kBusy,
                     "write to a table: multi-step writes keep failing meanwhile; "
                     "look at `mendfs status`, then try again");
  }
  ~TableHold() {
    if (held_) Unlock();
  }
  TableHold(const TableHold&) = delete;
  TableHold& operator=(const TableHold&) = delete;

  // The gate is held if and only if this is ok.
  const Status& status() const { return status_; }

 private:
  static constexpr unsigned kHealsMax = 8;

  void Lock() NO_THREAD_SAFETY_ANALYSIS {
    if (mode_ == Mode::kShared) {
      door_.table_gate().LockShared();
    } else {
      door_.table_gate().Lock();
    }
    held_ = true;
  }
  void Unlock() NO_THREAD_SAFETY_ANALYSIS {
    held_ = false;
    if (mode_ == Mode::kShared) {
      door_.table_gate().UnlockShared();
    } else {
      door_.table_gate().Unlock();
    }
  }

  Door& door_;
  const Mode mode_;
  bool held_ = false;
  Status status_;
};

}  // namespace mendfs
