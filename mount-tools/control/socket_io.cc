#include "mount-tools/control/socket_io.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace mendfs {
namespace {

constexpr size_t kOutBytes = size_t{64} << 10;
constexpr auto kProgressEvery = std::chrono::milliseconds(100);

}  // namespace

Status SocketIo::FlushOut() {
  std::string_view rest = out_;
  Status status;
  while (!rest.empty() && status.ok()) {
    const std::string_view part = rest.substr(0, kFramePayloadBytesMax);
    status = channel_.Send(FrameType::kOut, part);
    rest.remove_prefix(part.size());
  }
  out_.clear();
  return status;
}

Status SocketIo::Out(std::string_view bytes) {
  out_ += bytes;
  return out_.size() < kOutBytes ? Status::Ok() : FlushOut();
}

void SocketIo::Err(std::string_view line) {
  // A caller that is gone shows at the next Out or Input.
  if (!FlushOut().ok()) return;
  channel_.Send(FrameType::kErr, line.substr(0, kFramePayloadBytesMax)).IgnoreError();
}

void SocketIo::Progress(const LoadProgress& progress) {
  if (!progress_) return;
  const auto now = std::chrono::steady_clock::now();
  if (progress.stage == stage_ && now - progress_at_ < kProgressEvery) return;
  stage_ = progress.stage;
  progress_at_ = now;
  if (!FlushOut().ok()) return;
  const nlohmann::json json = {{"stage", stage_},
                               {"done", progress.done},
                               {"total", progress.total},
                               {"rows", progress.rows}};
  channel_
      .Send(FrameType::kProgress,
            json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace))
      .IgnoreError();
}

// At the start of an input the whole window, then one frame for each that came.
Status SocketIo::Want(size_t index) {
  const uint32_t more = index_ == index ? 1 : kInputWindow;
  if (index_ != index) expected_ = 0;
  index_ = index;
  expected_ += more;
  return channel_.Send(FrameType::kWant,
                       EncodeWanted({.index = static_cast<uint32_t>(index), .frames = more}));
}

Result<bool> SocketIo::Input(size_t index, std::string& chunk) {
  MENDFS_RETURN_IF_ERROR(FlushOut());
  MENDFS_RETURN_IF_ERROR(Want(index));
  MENDFS_ASSIGN_OR_RETURN(const bool here, channel_.Receive(frame_));
  if (!here) return Status(Code::kInterrupted, "the caller is gone");
  switch (frame_.type) {
    case FrameType::kInput:
      if (expected_ == 0) return Status(Code::kInvalid, "the caller sent more than was asked for");
      --expected_;
      std::swap(chunk, frame_.payload);
      return true;
    case FrameType::kInputEnd: index_.reset(); return false;
    case FrameType::kInputFailed: return Status(Code::kIo, frame_.payload);
    default: return Status(Code::kInvalid, "the caller sent a frame that has no place here");
  }
}

void SocketIo::Finish(int exit_code) {
  if (!FlushOut().ok()) return;
  channel_.Send(FrameType::kExit, EncodeExit(static_cast<uint32_t>(exit_code))).IgnoreError();
}

}  // namespace mendfs
