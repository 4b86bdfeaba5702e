#include "mount-tools/control/control_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <exception>
#include <nlohmann/json.hpp>

#include "mount-tools/control/control_address.h"
#include "mount-tools/control/frame.h"
#include "mount-tools/verbs/text.h"

namespace mendfs {
namespace {

namespace asio = boost::asio;

Status Unexpected() {
  return {Code::kInvalid, "the daemon's answer is not understood; are both sides one version?"};
}

Status ShowProgress(const std::string& payload, VerbIo& io) {
  const nlohmann::json json = nlohmann::json::parse(payload, nullptr, false);
  if (!json.is_object()) return Unexpected();
  const std::string stage = json.value("stage", "");
  io.Progress({.stage = stage,
               .done = json.value("done", uint64_t{0}),
               .total = json.value("total", uint64_t{0}),
               .rows = json.value("rows", uint64_t{0})});
  return Status::Ok();
}

// The input on its way to the daemon. Sends what the socket takes and never waits: the daemon may
// be waiting to be read at the same moment.
class InputSender {
 public:
  InputSender(ControlSocket& socket, size_t inputs, VerbIo& io)
      : socket_(socket), inputs_(inputs), io_(io) {}

  Status Want(const InputWanted& wanted);
  bool pending() const { return !pending_.empty(); }
  void SendSome();

 private:
  void NextFrame();

  ControlSocket& socket_;
  const size_t inputs_;
  VerbIo& io_;
  size_t index_ = 0;
  uint32_t allowed_ = 0;  // frames that may still be begun
  bool ended_ = false;    // the input of index_
  std::string chunk_;
  std::string pending_;  // of a frame that was begun
  size_t sent_ = 0;      // of pending_
};

Status InputSender::Want(const InputWanted& wanted) {
  if (wanted.index >= inputs_ || wanted.frames > kInputWindow) return Unexpected();
  if (wanted.index != index_) {
    if (wanted.index < index_ || !ended_) return Unexpected();
    index_ = wanted.index;
    allowed_ = 0;
    ended_ = false;
  }
  allowed_ += wanted.frames;
  if (!pending()) NextFrame();
  return Status::Ok();
}

void InputSender::NextFrame() {
  pending_.clear();
  sent_ = 0;
  if (allowed_ == 0 || ended_) return;
  --allowed_;
  const Result<bool> more = io_.Input(index_, chunk_);
  FrameType type = FrameType::kInput;
  if (!more.ok()) {
    type = FrameType::kInputFailed;
    chunk_ = more.status().message();
  } else if (!*more) {
    type = FrameType::kInputEnd;
    chunk_.clear();
  }
  ended_ = type != FrameType::kInput;
  const FrameHeaderBytes header =
      EncodeFrameHeader({.type = type, .size_bytes = static_cast<uint32_t>(chunk_.size())});
  pending_.assign(reinterpret_cast<const char*>(header.data()), header.size());
  pending_ += chunk_;
}

// A daemon that has ended the verb takes no more; its reason is the next thing to be read, so a
// failure to send is none of ours.
void InputSender::SendSome() {
  const ssize_t size = send(socket_.native_handle(), pending_.data() + sent_,
                            pending_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size < 0) {
    pending_.clear();
    ended_ = true;
    return;
  }
  sent_ += static_cast<size_t>(size);
  if (sent_ == pending_.size()) NextFrame();
}

// Waits until there is something to read, sending input meanwhile.
void AwaitFrame(ControlSocket& socket, InputSender& input) {
  while (input.pending()) {
    pollfd wait{.fd = socket.native_handle(), .events = POLLIN | POLLOUT, .revents = 0};
    if (poll(&wait, 1, -1) < 0) continue;
    if ((wait.revents & ~POLLOUT) != 0) return;
    input.SendSome();
  }
}

// Its last act may have been to make the change durable.
Status WentAway(const VerbRequest& request, const std::string& store_path) {
  const std::string verb(VerbName(request.verb));
  if (!VerbWrites(request.verb) || request.verb == Verb::kFlush) {
    return {Code::kInterrupted, "the daemon went away before it had answered; try again"};
  }
  return {Code::kRecoveryNeeded,
          "the daemon went away before it had answered: whether the " + verb +
              " was done is unknown. It is one commit or nothing: `mendfs log " +
              Printable(store_path) + "` shows that commit, or that there is none"};
}

Result<int> Converse(ControlSocket& socket, const std::string& store_path,
                     const VerbRequest& request, VerbIo& io) {
  FrameChannel channel(socket);
  MENDFS_RETURN_IF_ERROR(channel.Send(FrameType::kRequest, EncodeRequest(request)));
  InputSender input(socket, request.inputs.size(), io);
  Frame frame;
  while (true) {
    AwaitFrame(socket, input);
    const Result<bool> more = channel.Receive(frame);
    const bool gone = more.ok() ? !*more : more.status().code() == Code::kInterrupted;
    if (gone) return WentAway(request, store_path);
    MENDFS_RETURN_IF_ERROR(more.status());
    switch (frame.type) {
      case FrameType::kOut: MENDFS_RETURN_IF_ERROR(io.Out(frame.payload)); break;
      case FrameType::kErr: io.Err(frame.payload); break;
      case FrameType::kProgress: MENDFS_RETURN_IF_ERROR(ShowProgress(frame.payload, io)); break;
      case FrameType::kWant: {
        MENDFS_ASSIGN_OR_RETURN(const InputWanted wanted, DecodeWanted(frame.payload));
        MENDFS_RETURN_IF_ERROR(input.Want(wanted));
        break;
      }
      case FrameType::kExit: {
        MENDFS_ASSIGN_OR_RETURN(const uint32_t exit_code, DecodeExit(frame.payload));
        return static_cast<int>(exit_code & 0xff);
      }
      default: return Unexpected();
    }
  }
}

// Any user may take a name that has no file.
bool IsTrusted(ControlSocket& socket, const std::string& store_path) {
  struct ucred peer {};
  socklen_t size = sizeof peer;
  if (getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  struct stat store {};
  const bool owner = stat(store_path.c_str(), &store) == 0 && peer.uid == store.st_uid;
  return peer.uid == 0 || peer.uid == geteuid() || owner;
}

Status Refused(const std::string& store_path) {
  return {Code::kDenied,
          store_path + ": only root and the owner of the store may talk to its daemon"};
}

}  // namespace

Result<std::optional<int>> CallDaemon(const std::string& store_path, const VerbRequest& request,
                                      VerbIo& io) {
  try {
    MENDFS_ASSIGN_OR_RETURN(const ControlAddress address, ControlAddress::Make(store_path));
    asio::io_context context;
    ControlSocket socket(context);
    boost::system::error_code error;
    socket.connect(address.endpoint(), error);
    if (error == asio::error::access_denied) return Refused(store_path);
    if (error) return std::optional<int>();
    MENDFS_ASSIGN_OR_RETURN(const int exit_code, Converse(socket, store_path, request, io));
    return std::optional<int>(exit_code);
  } catch (const std::exception& exception) {  // Asio's constructors, nlohmann-json
    return Status(Code::kInternal, std::string("control socket: ") + exception.what());
  }
}

Result<std::optional<int>> CallReader(const std::string& store_path, const std::string& device,
                                      const VerbRequest& request, VerbIo& io) {
  try {
    asio::io_context context;
    ControlSocket socket(context);
    boost::system::error_code error;
    socket.connect(ControlAddress::OfMount(device).endpoint(), error);
    if (error || !IsTrusted(socket, store_path)) return std::optional<int>();
    MENDFS_ASSIGN_OR_RETURN(const int exit_code, Converse(socket, store_path, request, io));
    return std::optional<int>(exit_code);
  } catch (const std::exception& exception) {  // Asio's constructors, nlohmann-json
    return Status(Code::kInternal, std::string("control socket: ") + exception.what());
  }
}

}  // namespace mendfs
