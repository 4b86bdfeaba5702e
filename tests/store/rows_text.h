// All rows and edges of a store as one text, or why they could not all be read.
#pragma once

#include <string>

#include "meta/bulk.h"
#include "meta/store.h"

namespace mendfs {

inline std::string RowsText(const Store& store) {
  std::string text;
  const Status status = Export(store.reader(), {}, {}, [&](std::string_view part) {
    text.append(part);
    return Status::Ok();
  });
  return status.ok() ? text : status.ToString();
}

}  // namespace mendfs
