// Text that is made while it is read, line by line, because it is too long to be held: what
// `mendfs export`, `.mend/tables` and the rows.jsonl of `.mend/where` show.
//
// Lifetime: what it reads from outlives it
// Threads:  belongs to one thread at a time
// Errors:   an error is no end: the text is not whole
#pragma once

#include <string>

#include "meta/base/status.h"

namespace mendfs {

class LineStream {
 public:
  virtual ~LineStream() = default;
  // Appends the next line without its end; false at the end of the text. A line of CSV is a record,
  // which may hold line ends inside of quotes.
  virtual Result<bool> Next(std::string& out) = 0;
};

}  // namespace mendfs
