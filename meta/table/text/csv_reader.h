// A strict reader of RFC 4180 text that comes in pieces: records with their fields, each with its
// place and with whether it was quoted, which tells "" from nothing.
//
// A record ends with LF or CRLF outside of quotes; the last one need not. A byte order mark at the
// beginning is skipped, and so are lines without any byte. Fields are bytes: whether they are UTF-8
// is asked of the rows made of them. With a tab as delimiter the same rules read TSV.
//
// Lifetime: fields are valid during the call that hands them over
// Threads:  one
// Errors:   what is no CSV goes to the sink with its place, and reading goes on with the next line;
//           what Add and End return is the sink's own trouble
// Cost:     memory: one record of at most record_bytes_max
// Source:   docs/user/cli.md, docs/decisions/0017-csv.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"

namespace mendfs {

inline constexpr size_t kCsvFieldsMax = 4096;  // of one record

// 1 = the first; columns count bytes.
struct CsvPlace {
  uint64_t line = 1;
  uint64_t column = 1;
  friend bool operator==(const CsvPlace&, const CsvPlace&) = default;
};

struct CsvField {
  std::string_view text;  // quotes undone
  bool quoted = false;
  CsvPlace place;

  bool is_null() const { return text.empty() && !quoted; }
};

class CsvSink {
 public:
  virtual ~CsvSink() = default;
  virtual Status TakeRecord(std::span<const CsvField> fields) = 0;
  virtual Status TakeFault(const CsvPlace& place, const Status& fault) = 0;
};

class CsvReader {
 public:
  CsvReader(char delimiter, size_t record_bytes_max)
      : delimiter_(delimiter), record_bytes_max_(record_bytes_max) {}

  Status Add(std::string_view bytes, CsvSink& sink);
  // There is no more.
  Status End(CsvSink& sink);

 private:
  enum class State : unsigned char {
    kBegin,     // nothing of the file yet, or a part of a byte order mark
    kField,     // before the first byte of a field
    kPlain,     // inside of one without quotes
    kQuoted,    // inside of quotes
    kQuote,     // behind a quote that ends the field, or is the first of two
    kReturn,    // behind a carriage return that must end the line
    kSkipping,  // to the end of a line that is refused
  };
  struct Span {
    size_t end;  // in text_
    bool quoted;
    CsvPlace place;
  };

  Status TakeByte(char byte, CsvSink& sink);
  Status TakeQuote(char byte, CsvSink& sink);
  Status Refuse(const CsvPlace& place, Status fault, State next, CsvSink& sink);
  bool TakeMark(char byte);
  size_t PlainBytes(std::string_view bytes) const;
  Status Keep(std::string_view bytes, CsvSink& sink);
  void BeginField(bool quoted);
  void EndField();
  Status EndRecord(CsvSink& sink);
  void Forget();
  void Advance(char byte);

  const char delimiter_;
  const size_t record_bytes_max_;
  State state_ = State::kBegin;
  size_t mark_bytes_ = 0;
  CsvPlace place_;
  CsvPlace field_place_;
  bool field_quoted_ = false;
  bool refused_ = false;  // the record: its quotes are followed to its end, nothing is kept
  std::string text_;      // of all fields of the record
  std::vector<Span> spans_;
  std::vector<CsvField> fields_;
};

}  // namespace mendfs
