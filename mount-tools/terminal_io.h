// A verb's input and output in the process that the person started: its files, standard streams
// and terminal. Used directly on a store, and as the near end of a control connection, so files are
// read and written with the caller's permissions either way.
//
// Threads:  one
// Errors:   kNotFound, kDenied, kIsDirectory, kIo: of the files; the message begins with the name
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mount-tools/verbs/progress.h"
#include "mount-tools/verbs/verb.h"

namespace mendfs {

inline constexpr std::string_view kStandardStream = "-";

struct TerminalIoOptions {
  std::vector<std::string> inputs;  // paths; "-": standard input
  std::string output;               // path; empty or "-": standard output
};

class TerminalIo final : public VerbIo {
 public:
  static Result<std::unique_ptr<TerminalIo>> Open(const TerminalIoOptions& options);
  ~TerminalIo() override;
  TerminalIo(const TerminalIo&) = delete;
  TerminalIo& operator=(const TerminalIo&) = delete;

  Status Out(std::string_view bytes) override;
  void Err(std::string_view line) override;
  void Progress(const LoadProgress& progress) override;
  Result<bool> Input(size_t index, std::string& chunk) override;

  // As the request names them: sizes where they are known.
  const std::vector<InputSource>& sources() const { return sources_; }
  bool shows_progress() const { return progress_.active(); }
  // Everything written is where it belongs. With `keep` false an output file is left as it was.
  Status Finish(bool keep);

 private:
  TerminalIo();
  Status OpenInputs(const std::vector<std::string>& paths);
  Status OpenOutput(const std::string& path);
  Status FlushOut();

  std::vector<InputSource> sources_;
  std::vector<std::string> paths_;
  int input_ = -1;  // the one that is being read
  size_t input_index_ = 0;
  int output_ = 1;
  std::string output_path_;  // empty: standard output
  std::string part_path_;    // where output goes until Finish; empty: straight
  std::string out_;
  Status failed_;  // of the output; sticks
  ProgressLine progress_;
};

// Directories become their *.jsonl, *.csv and *.tsv files and those in their nodes/ and edges/,
// sorted; kInvalid if one has none.
Result<std::vector<std::string>> ExpandInputs(const std::vector<std::string>& paths);

}  // namespace mendfs
