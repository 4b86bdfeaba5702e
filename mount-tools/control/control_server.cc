#include "mount-tools/control/control_server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <set>
#include <thread>
#include <utility>

#include "meta/base/log.h"
#include "meta/base/mutex.h"
#include "mount-tools/control/control_address.h"
#include "mount-tools/control/frame.h"
#include "mount-tools/control/socket_io.h"
#include "mount-tools/mounting/target.h"

namespace mendfs {
namespace {

namespace asio = boost::asio;
using Protocol = asio::local::stream_protocol;

constexpr int kBacklog = 64;
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

// Shared: by the pending operations of Asio, then by the thread that serves it.
struct Connection {
  explicit Connection(ControlSocket accepted)
      : socket(std::move(accepted)), deadline(socket.get_executor()) {}
  ControlSocket socket;
  asio::steady_timer deadline;
  FrameHeaderBytes header{};
  std::string payload;
  uint32_t uid = 0;
  uint64_t number = 0;
  bool asked = false;  // its request is there; the accepting thread's
};
using ConnectionPtr = std::shared_ptr<Connection>;

Status SocketFailure(const std::string& path, const std::string& what) {
  return {Code::kIo, "control socket " + path + ": " + what};
}

void Refuse(const ConnectionPtr& connection, const std::string& sentence, int exit_code) {
  FrameChannel channel(connection->socket);
  if (channel.Send(FrameType::kErr, "mendfs: " + sentence).ok()) {
    channel.Send(FrameType::kExit, EncodeExit(static_cast<uint32_t>(exit_code))).IgnoreError();
  }
}

}  // namespace

struct ControlServer::Core {
  explicit Core(ControlOptions given) : options(std::move(given)) {}

  Status Listen();
  void Accept();
  void Welcome(ControlSocket socket);
  bool Admit(const ConnectionPtr& connection);
  void ReadRequest(const ConnectionPtr& connection);
  void TakeRequest(const ConnectionPtr& connection);
  void Serve(const ConnectionPtr& connection, const VerbRequest& request);
  void Forget(const ConnectionPtr& connection);
  void Stop();

  const ControlOptions options;
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  Protocol::acceptor acceptor{context};
  asio::steady_timer pause{context};
  asio::thread_pool bulk{kControlBulkThreads};
  asio::thread_pool quick{kControlQuickThreads};
  std::thread thread;
  bool stopped = false;
  uint64_t accepted = 0;  // the accepting thread's

  Mutex mu{LockRank::kDaemon};
  std::set<ConnectionPtr> live GUARDED_BY(mu);
};

// 1 unlink a dead daemon's socket · 2 bind · 3 owner and mode · 4 listen: nobody gets in before 3.
Status ControlServer::Core::Listen() {
  const std::string path = ControlSocketPath(options.store_path);
  boost::system::error_code error;
  if (acceptor.open(Protocol(), error)) return SocketFailure(path, error.message());
  if (!options.device.empty()) {
    const ControlAddress address = ControlAddress::OfMount(options.device);
    if (acceptor.bind(address.endpoint(), error) || acceptor.listen(kBacklog, error)) {
      return SocketFailure("of mount " + options.device, error.message());
    }
    return Status::Ok();
  }
  unlink(path.c_str());
  MENDFS_ASSIGN_OR_RETURN(const ControlAddress address, ControlAddress::Make(options.store_path));
  if (acceptor.bind(address.endpoint(), error)) return SocketFailure(path, error.message());
  const bool own = geteuid() != 0 || options.owner_uid == 0 ||
                   lchown(path.c_str(), options.owner_uid, static_cast<gid_t>(-1)) == 0;
  if (!own || chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0) {
    const Status status = SocketFailure(path, strerror(errno));
    unlink(path.c_str());
    return status;
  }
  if (acceptor.listen(kBacklog, error)) return SocketFailure(path, error.message());
  return Status::Ok();
}

void ControlServer::Core::Accept() {
  acceptor.async_accept([this](const boost::system::error_code& error, ControlSocket socket) {
    if (error == asio::error::operation_aborted) return;
    if (!error) {
      Welcome(std::move(socket));
      Accept();
      return;
    }
    // Out of descriptors, mostly: trying again at once would only burn time.
    pause.expires_after(kAcceptPause);
    pause.async_wait([this](const boost::system::error_code& gone) {
      if (!gone) Accept();
    });
  });
}

void ControlServer::Core::Welcome(ControlSocket socket) {
  struct ucred peer {};
  socklen_t size = sizeof peer;
  const bool known = getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
  const auto connection = std::make_shared<Connection>(std::move(socket));
  const bool welcome = peer.uid == 0 || peer.uid == options.owner_uid ||
                       peer.uid == static_cast<uint32_t>(geteuid());
  if (!known || !welcome) {
    Refuse(connection, "only root and the owner of the store may talk to its daemon", kExitDenied);
    return;
  }
  connection->uid = peer.uid;
  connection->number = ++accepted;
  if (!Admit(connection)) {
    Refuse(connection, "too many callers at once; try again", kExitFailed);
    return;
  }
  connection->deadline.expires_after(std::chrono::milliseconds(kControlRequestWaitMs));
  connection->deadline.async_wait([this, connection](const boost::system::error_code& error) {
    if (error) return;
    boost::system::error_code ignored;
    connection->socket.close(ignored);
    Forget(connection);
  });
  ReadRequest(connection);
}

// When there is no room, whoever has been silent longest makes it: a caller asks as soon as it is
// connected.
bool ControlServer::Core::Admit(const ConnectionPtr& connection) {
  MutexLock lock(mu);
  if (live.size() >= kControlConnectionsMax) {
    ConnectionPtr silent;
    for (const ConnectionPtr& other : live) {
      if (!other->asked && (!silent || other->number < silent->number)) silent = other;
    }
    if (!silent) return false;
    boost::system::error_code ignored;
    silent->socket.close(ignored);
    silent->deadline.cancel();
    live.erase(silent);
  }
  live.insert(connection);
  return true;
}

void ControlServer::Core::ReadRequest(const ConnectionPtr& connection) {
  const auto taken = [this, connection](const boost::system::error_code& error, size_t) {
    if (error) return Forget(connection);
    TakeRequest(connection);
  };
  const auto headed = [this, connection, taken](const boost::system::error_code& error, size_t) {
    if (error) return Forget(connection);
    const Result<FrameHeader> header = DecodeFrameHeader(connection->header);
    if (!header.ok() || header->type != FrameType::kRequest) return Forget(connection);
    connection->payload.resize(header->size_bytes);
    asio::async_read(connection->socket, asio::buffer(connection->payload), taken);
  };
  asio::async_read(connection->socket, asio::buffer(connection->header), headed);
}

void ControlServer::Core::TakeRequest(const ConnectionPtr& connection) {
  // The deadline may have struck in the meantime; then its handler has closed the socket.
  if (connection->deadline.cancel() == 0) return Forget(connection);
  connection->asked = true;
  Result<VerbRequest> request = DecodeRequest(connection->payload);
  if (!request.ok()) {
    Refuse(connection, request.status().message(), kExitFailed);
    return Forget(connection);
  }
  auto& pool = VerbIsBulk(request->verb) ? bulk : quick;
  asio::post(pool, [this, connection, request = std::move(request).value()] {
    Serve(connection, request);
  });
}

void ControlServer::Core::Serve(const ConnectionPtr& connection, const VerbRequest& request) {
  SocketIo io(connection->socket, request.progress);
  int exit_code = kExitFailed;
  try {
    exit_code = options.handler(request, connection->uid, io);
  } catch (const std::exception& exception) {
    LogLine(LogLevel::kError, "control", "a verb threw",
            {{"verb", std::string(VerbName(request.verb))}, {"what", exception.what()}});
    Complain(io, VerbName(request.verb), Status(Code::kInternal, exception.what()));
  } catch (...) {
    LogLine(LogLevel::kError, "control", "a verb threw",
            {{"verb", std::string(VerbName(request.verb))}});
  }
  io.Finish(exit_code);
  Forget(connection);
}

void ControlServer::Core::Forget(const ConnectionPtr& connection) {
  connection->deadline.cancel();
  MutexLock lock(mu);
  live.erase(connection);
}

// 1 the accepting thread ends, so the set of connections only shrinks · 2 every socket is shut
// down, which ends the waits of running verbs · 3 the verbs end.
void ControlServer::Core::Stop() {
  if (stopped) return;
  stopped = true;
  context.stop();
  if (thread.joinable()) thread.join();
  {
    MutexLock lock(mu);
    for (const ConnectionPtr& connection : live) {
      shutdown(connection->socket.native_handle(), SHUT_RDWR);
    }
  }
  bulk.join();
  quick.join();
  {
    MutexLock lock(mu);
    live.clear();
  }
  if (acceptor.is_open() && options.device.empty())
    unlink(ControlSocketPath(options.store_path).c_str());
  boost::system::error_code ignored;
  acceptor.close(ignored);
}

ControlServer::ControlServer(std::unique_ptr<Core> core) : core_(std::move(core)) {}

ControlServer::~ControlServer() {
  Stop();
}

void ControlServer::Stop() {
  core_->Stop();
}

Result<std::unique_ptr<ControlServer>> ControlServer::Start(ControlOptions options) {
  try {
    auto core = std::make_unique<Core>(std::move(options));
    MENDFS_RETURN_IF_ERROR(core->Listen());
    core->Accept();
    core->thread = std::thread([raw = core.get()] {
      try {
        raw->context.run();
      } catch (const std::exception& exception) {
        LogLine(LogLevel::kError, "control", "the control socket no longer answers",
                {{"what", exception.what()}});
      }
    });
    return std::unique_ptr<ControlServer>(new ControlServer(std::move(core)));
  } catch (const std::exception& exception) {  // Asio's constructors; std::thread
    return Status(Code::kIo, std::string("control socket: ") + exception.what());
  }
}

}  // namespace mendfs
