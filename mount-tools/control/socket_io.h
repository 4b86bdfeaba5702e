// A verb's input and output over a control connection, as the daemon sees it.
//
// Output is gathered into frames of up to 64 KiB. Input is asked for a few frames ahead, so neither
// side holds more than a bounded amount, however fast the other one is.
//
// Threads:  one
// Errors:   kInterrupted when the caller is gone; kInvalid when it breaks the protocol
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "mount-tools/control/frame.h"
#include "mount-tools/verbs/verb.h"

namespace mendfs {

class SocketIo final : public VerbIo {
 public:
  SocketIo(ControlSocket& socket, bool progress) : channel_(socket), progress_(progress) {}

  Status Out(std::string_view bytes) override;
  void Err(std::string_view line) override;
  void Progress(const LoadProgress& progress) override;
  Result<bool> Input(size_t index, std::string& chunk) override;
  // The last word.
  void Finish(int exit_code);

 private:
  Status FlushOut();
  Status Want(size_t index);

  FrameChannel channel_;
  const bool progress_;
  std::string out_;  // not sent yet
  Frame frame_;
  std::optional<size_t> index_;  // the input that is being read
  uint32_t expected_ = 0;        // kInput frames that may come
  std::string stage_;            // of the last progress that was sent
  std::chrono::steady_clock::time_point progress_at_{};
};

}  // namespace mendfs
