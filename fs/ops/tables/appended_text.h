// What is known of text that is being appended to a table, without reading its rows: whether it
// stands at the end of a line, so that it may be taken, and what of it is kept for a refusal.
//
// A batch is what is published at once; an open may have several (fsync, closes of copies).
//
// Shape:    a JSON line is whole at its newline, or as an object that is closed: more bytes could
//           only spoil it. A CSV record is whole at its newline alone: `a,12` may become `a,123`
// Threads:  one
// Cost:     memory: kKeptBytesMax, a header and kProbedBytesMax
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mendfs {

class AppendedText {
 public:
  static constexpr size_t kKeptBytesMax = size_t{1} << 20;
  static constexpr size_t kProbedBytesMax = size_t{64} << 10;  // of a last line, or a CSV header

  explicit AppendedText(bool is_csv) : is_csv_(is_csv) {}

  void Take(std::string_view bytes);
  // What was taken so far is published.
  void BeginBatch();

  bool is_untouched() const { return bytes_ == 0 && !has_header_; }
  // Is there anything in the batch besides blanks and the header?
  bool has_rows() const { return has_rows_; }
  bool IsWhole() const;
  // Of CSV, once it is whole: every further batch begins with it.
  std::string_view header() const { return has_header_ ? header_ : std::string_view(); }
  bool has_long_header() const { return is_csv_ && header_.size() > kProbedBytesMax; }
  // Of the batch: its newlines, its bytes, the first of them.
  uint64_t lines() const { return lines_; }
  uint64_t bytes() const { return bytes_; }
  const std::string& kept() const { return kept_; }

 private:
  void TakeCsv(std::string_view bytes);
  void TakeJson(std::string_view bytes);

  const bool is_csv_;
  bool has_header_ = false;
  bool in_quotes_ = false;  // of CSV
  bool at_start_ = true;    // of a line
  bool has_rows_ = false;
  std::string header_;
  std::string part_;  // of the last JSON line; longer than kProbedBytesMax: not known
  uint64_t lines_ = 0;
  uint64_t bytes_ = 0;
  std::string kept_;
};

}  // namespace mendfs
