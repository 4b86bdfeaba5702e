// Frames of the control socket: one byte of type, four of length, the payload.
//
// Threads:  a FrameChannel may be written and read from one thread each
// Errors:   kInvalid: what came is no frame; kInterrupted: the other side is gone
// Source:   docs/formats/control.md
#pragma once

#include <array>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "meta/base/status.h"

namespace mendfs {

enum class FrameType : uint8_t {
  // caller to daemon
  kRequest = 1,      // JSON, once, first
  kInput = 2,        // bytes of the input that is asked for
  kInputEnd = 3,     // it has no more
  kInputFailed = 4,  // it cannot be read; a sentence
  // daemon to caller
  kOut = 16,
  kErr = 17,       // one line
  kProgress = 18,  // JSON
  kWant = 19,      // u32 input index, u32 how many more kInput frames may be sent
  kExit = 20,      // u32 exit code, once, last
};

inline constexpr size_t kFrameHeaderBytes = 5;
inline constexpr size_t kFramePayloadBytesMax = size_t{1} << 20;
inline constexpr size_t kInputChunkBytes = size_t{256} << 10;
inline constexpr uint32_t kInputWindow = 4;  // kInput frames on their way at most

using FrameHeaderBytes = std::array<unsigned char, kFrameHeaderBytes>;

struct FrameHeader {
  FrameType type = FrameType::kRequest;
  uint32_t size_bytes = 0;
};

FrameHeaderBytes EncodeFrameHeader(const FrameHeader& header);
// kInvalid for an unknown type or a length over kFramePayloadBytesMax.
Result<FrameHeader> DecodeFrameHeader(const FrameHeaderBytes& bytes);

struct Frame {
  FrameType type = FrameType::kRequest;
  std::string payload;
};

struct InputWanted {
  uint32_t index = 0;
  uint32_t frames = 0;
};
std::string EncodeWanted(const InputWanted& wanted);
Result<InputWanted> DecodeWanted(std::string_view payload);
std::string EncodeExit(uint32_t exit_code);
Result<uint32_t> DecodeExit(std::string_view payload);

using ControlSocket = boost::asio::local::stream_protocol::socket;

// Whole frames over a connected socket, blocking.
class FrameChannel {
 public:
  explicit FrameChannel(ControlSocket& socket) : socket_(socket) {}

  Status Send(FrameType type, std::string_view payload);
  // Nothing when the other side closed between two frames. `frame` is reused.
  Result<bool> Receive(Frame& frame);

 private:
  ControlSocket& socket_;
};

}  // namespace mendfs
