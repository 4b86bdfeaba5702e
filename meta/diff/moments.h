// Two moments read side by side.
//
// Threads:  as Reader
// Cost:     a step of a cursor at each moment for each key
#pragma once

#include <functional>
#include <string_view>

#include "meta/base/status.h"
#include "meta/manifest/reader.h"

namespace mendfs {

struct Moments {
  const Reader& reader;
  View before;
  View after;
};

// Of one key: where it stands at each moment, or nullptr. At least one is there.
struct EntryPair {
  const Cursor* before = nullptr;
  const Cursor* after = nullptr;

  std::string_view key() const { return (before != nullptr ? before : after)->key(); }
  // The same change wrote both, so they are equal.
  bool is_same() const {
    return before != nullptr && after != nullptr && before->start() == after->start();
  }
};

// Every key of the range that is there at one of the moments, in order.
Status EachEntryPair(const Moments& moments, const KeyRange& range,
                     const std::function<Status(const EntryPair&)>& visit);

}  // namespace mendfs
