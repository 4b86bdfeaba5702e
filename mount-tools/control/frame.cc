#include "mount-tools/control/frame.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

namespace mendfs {
namespace {

namespace asio = boost::asio;

void PutU32(uint32_t number, unsigned char* target) {
  for (int i = 0; i < 4; ++i) target[i] = static_cast<unsigned char>(number >> (8 * i));
}

uint32_t GetU32(const char* bytes) {
  uint32_t number = 0;
  for (int i = 3; i >= 0; --i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

bool IsFrameType(uint8_t type) {
  return (type >= static_cast<uint8_t>(FrameType::kRequest) &&
          type <= static_cast<uint8_t>(FrameType::kInputFailed)) ||
         (type >= static_cast<uint8_t>(FrameType::kOut) &&
          type <= static_cast<uint8_t>(FrameType::kExit));
}

Status Gone() {
  return {Code::kInterrupted, "the other side of the control socket is gone"};
}

}  // namespace

FrameHeaderBytes EncodeFrameHeader(const FrameHeader& header) {
  FrameHeaderBytes bytes{};
  bytes[0] = static_cast<unsigned char>(header.type);
  PutU32(header.size_bytes, &bytes[1]);
  return bytes;
}

Result<FrameHeader> DecodeFrameHeader(const FrameHeaderBytes& bytes) {
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  const uint32_t size = GetU32(text + 1);
  if (!IsFrameType(bytes[0]) || size > kFramePayloadBytesMax) {
    return Status(Code::kInvalid, "control frame of type " + std::to_string(bytes[0]) + " and " +
                                      std::to_string(size) + " bytes: not a frame");
  }
  return FrameHeader{.type = static_cast<FrameType>(bytes[0]), .size_bytes = size};
}

std::string EncodeWanted(const InputWanted& wanted) {
  unsigned char bytes[8];
  PutU32(wanted.index, bytes);
  PutU32(wanted.frames, bytes + 4);
  return {reinterpret_cast<const char*>(bytes), sizeof bytes};
}

Result<InputWanted> DecodeWanted(std::string_view payload) {
  if (payload.size() != 8) return Status(Code::kInvalid, "control frame: bad length of a want");
  return InputWanted{.index = GetU32(payload.data()), .frames = GetU32(payload.data() + 4)};
}

std::string EncodeExit(uint32_t exit_code) {
  unsigned char bytes[4];
  PutU32(exit_code, bytes);
  return {reinterpret_cast<const char*>(bytes), sizeof bytes};
}

Result<uint32_t> DecodeExit(std::string_view payload) {
  if (payload.size() != 4) return Status(Code::kInvalid, "control frame: bad length of an exit");
  return GetU32(payload.data());
}

Status FrameChannel::Send(FrameType type, std::string_view payload) {
  if (payload.size() > kFramePayloadBytesMax) {
    return {Code::kTooBig, "control frame: over 1 MiB"};
  }
  const FrameHeaderBytes header =
      EncodeFrameHeader({.type = type, .size_bytes = static_cast<uint32_t>(payload.size())});
  const std::array<asio::const_buffer, 2> parts = {asio::buffer(header),
                                                   asio::buffer(payload.data(), payload.size())};
  boost::system::error_code error;
  asio::write(socket_, parts, error);
  return error ? Gone() : Status::Ok();
}

Result<bool> FrameChannel::Receive(Frame& frame) {
  FrameHeaderBytes bytes;
  boost::system::error_code error;
  const size_t size = asio::read(socket_, asio::buffer(bytes), error);
  if (error == asio::error::eof && size == 0) return false;
  if (error) return Gone();
  MENDFS_ASSIGN_OR_RETURN(const FrameHeader header, DecodeFrameHeader(bytes));
  frame.type = header.type;
  frame.payload.resize(header.size_bytes);
  asio::read(socket_, asio::buffer(frame.payload), error);
  if (error) return Gone();
  return true;
}

}  // namespace mendfs
