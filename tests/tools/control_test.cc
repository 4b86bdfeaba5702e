// Both ends of the control socket, and callers that do not keep to the protocol.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <latch>
#include <random>
#include <thread>

#include "mount-tools/control/control_client.h"
#include "mount-tools/control/control_server.h"
#include "mount-tools/control/frame.h"
#include "mount-tools/mounting/target.h"
#include "tests/tools/tools_test.h"

namespace mendfs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Handler = decltype(ControlOptions::handler);

// A connection without manners.
class RawCaller {
 public:
  explicit RawCaller(const std::string& store) : fd_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ControlSocketPath(store).copy(address.sun_path, sizeof address.sun_path - 1);
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawCaller() { close(fd_); }
  RawCaller(const RawCaller&) = delete;
  RawCaller& operator=(const RawCaller&) = delete;

  bool connected() const { return connected_; }
  void Send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t size = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(size));
    }
  }
  void SendFrame(FrameType type, std::string_view payload) const {
    const FrameHeaderBytes header =
        EncodeFrameHeader({.type = type, .size_bytes = static_cast<uint32_t>(payload.size())});
    Send({reinterpret_cast<const char*>(header.data()), header.size()});
    Send(payload);
  }
  void EndSending() const { shutdown(fd_, SHUT_WR); }
  // Everything until the server closes.
  std::string ReadAll() const {
    std::string all;
    char bytes[4096];
    for (ssize_t size = 0; (size = recv(fd_, bytes, sizeof bytes, 0)) > 0;) {
      all.append(bytes, static_cast<size_t>(size));
    }
    return all;
  }

 private:
  const int fd_;
  bool connected_ = false;
};

class ControlTest : public ::testing::Test {
 protected:
  void Serve(Handler handler) {
    Result<std::unique_ptr<ControlServer>> server = ControlServer::Start(
        {.store_path = store(), .owner_uid = getuid(), .handler = std::move(handler)});
    ASSERT_TRUE(server.ok()) << server.status().ToString();
    server_ = std::move(server).value();
  }
  std::string store() const { return directory_.path(); }
  int Call(const VerbRequest& request, VerbIo& io) {
    const Result<std::optional<int>> exit_code = CallDaemon(store(), request, io);
    if (!exit_code.ok()) {
      ADD_FAILURE() << exit_code.status().ToString();
      return -1;
    }
    return exit_code->value_or(-2);
  }
  // The server still does its work.
  void ExpectAlive() {
    RecordingIo io;
    EXPECT_EQ(Call({.verb = Verb::kFlush}, io), 0);
  }

  TempDirectory directory_;
  std::unique_ptr<ControlServer> server_;
};

int Echo(const VerbRequest& request, uint32_t caller_uid, VerbIo& io) {
  io.Err("uid " + std::to_string(caller_uid));
  std::string chunk;
  for (size_t index = 0; index < request.inputs.size(); ++index) {
    while (true) {
      const Result<bool> more = io.Input(index, chunk);
      if (!more.ok()) {
        io.Err(more.status().message());
        return 7;
      }
      if (!*more) break;
      if (!io.Out(chunk).ok()) return 1;
    }
  }
  return 0;
}

TEST_F(ControlTest, OutputErrorsAndExitCodeComeBack) {
  Serve([](const VerbRequest& request, uint32_t, VerbIo& io) {
    EXPECT_EQ(request.verb, Verb::kLog);
    EXPECT_EQ(request.limit, 3U);
    EXPECT_TRUE(io.Out("one\n").ok());
    io.Err("careful");
    EXPECT_TRUE(io.Out("two\n").ok());
    return 4;
  });
  RecordingIo io;
  EXPECT_EQ(Call({.verb = Verb::kLog, .limit = 3}, io), 4);
  EXPECT_EQ(io.out, "one\ntwo\n");
  EXPECT_THAT(io.errors, ElementsAre("careful"));
}

TEST_F(ControlTest, InputsStreamInOrderWithTheCallersUid) {
  Serve(Echo);
  RecordingIo io;
  io.inputs = {std::string(1000, 'a'), "", "last"};
  VerbRequest request{.verb = Verb::kLoad};
  request.inputs.resize(3);
  EXPECT_EQ(Call(request, io), 0);
  EXPECT_EQ(io.out, io.inputs[0] + "last");
  EXPECT_THAT(io.errors, ElementsAre("uid " + std::to_string(getuid())));
}

TEST_F(ControlTest, LargeInputAndOutputFlowBothWaysAtOnce) {
  Serve(Echo);
  RecordingIo io;
  io.chunk_bytes = kInputChunkBytes;
  io.inputs = {std::string(24 << 20, 'x')};
  VerbRequest request{.verb = Verb::kLoad};
  request.inputs.resize(1);
  EXPECT_EQ(Call(request, io), 0);
  EXPECT_EQ(io.out.size(), io.inputs[0].size());
}

TEST_F(ControlTest, InputThatFailsIsToldToTheVerb) {
  Serve(Echo);
  RecordingIo io;
  io.inputs = {"begin"};
  io.input_failure = Status(Code::kIo, "a.jsonl: disk on fire");
  VerbRequest request{.verb = Verb::kLoad};
  request.inputs.resize(1);
  EXPECT_EQ(Call(request, io), 7);
  EXPECT_THAT(io.errors.back(), HasSubstr("disk on fire"));
}

TEST_F(ControlTest, VerbThatEndsEarlyDoesNotDrainTheInput) {
  Serve([](const VerbRequest&, uint32_t, VerbIo& io) {
    std::string chunk;
    EXPECT_TRUE(io.Input(0, chunk).ok());
    io.Err("no more of this");
    return 1;
  });
  RecordingIo io;
  io.chunk_bytes = kInputChunkBytes;
  io.inputs = {std::string(16 << 20, 'x')};
  VerbRequest request{.verb = Verb::kLoad};
  request.inputs.resize(1);
  EXPECT_EQ(Call(request, io), 1);
  EXPECT_THAT(io.errors, ElementsAre("no more of this"));
}

TEST_F(ControlTest, ProgressComesOnlyWhenAskedFor) {
  Serve([](const VerbRequest&, uint32_t, VerbIo& io) {
    io.Progress({.stage = "read", .done = 1, .total = 2, .rows = 3});
    io.Progress({.stage = "sort", .done = 1, .total = 2, .rows = 99});
    return 0;
  });
  RecordingIo silent;
  EXPECT_EQ(Call({.verb = Verb::kLoad}, silent), 0);
  EXPECT_TRUE(silent.stages.empty());
  RecordingIo watching;
  EXPECT_EQ(Call({.verb = Verb::kLoad, .progress = true}, watching), 0);
  EXPECT_THAT(watching.stages, ElementsAre("read", "sort"));
  EXPECT_EQ(watching.rows, 99U);
}

TEST_F(ControlTest, OutputThatNobodyTakesEndsTheCall) {
  Serve([](const VerbRequest&, uint32_t, VerbIo& io) {
    while (io.Out(std::string(100'000, 'x')).ok()) {
    }
    return 0;
  });
  RecordingIo io;
  io.out_failure = Status(Code::kNoSpace, "standard output: full");
  EXPECT_EQ(CallDaemon(store(), {.verb = Verb::kExport}, io).status().code(), Code::kNoSpace);
  server_->Stop();  // the verb has noticed that its caller is gone, else this would wait for ever
}

TEST_F(ControlTest, NobodyListeningIsNoError) {
  RecordingIo io;
  const auto none = CallDaemon(store(), {.verb = Verb::kStatus}, io);
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE(none->has_value());
  Serve(Echo);
  server_->Stop();
  EXPECT_FALSE(std::filesystem::exists(ControlSocketPath(store())));
}

TEST_F(ControlTest, SocketOfADeadDaemonIsReplaced) {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ControlSocketPath(store()).copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  close(fd);
  RecordingIo io;
  EXPECT_FALSE(CallDaemon(store(), {}, io)->has_value());
  Serve(Echo);
  ExpectAlive();
}

TEST_F(ControlTest, SocketIsForItsOwnerOnly) {
  Serve(Echo);
  struct stat info {};
  ASSERT_EQ(stat(ControlSocketPath(store()).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(ControlTest, DeepStoresHaveASocketToo) {
  const std::string deep = store() + "/" + std::string(200, 'd');
  ASSERT_TRUE(std::filesystem::create_directory(deep));
  auto server = ControlServer::Start({.store_path = deep, .owner_uid = getuid(), .handler = Echo});
  ASSERT_TRUE(server.ok()) << server.status().ToString();
  RecordingIo io;
  EXPECT_EQ(CallDaemon(deep, {.verb = Verb::kStatus}, io)->value_or(-1), 0);
}

TEST_F(ControlTest, GarbageIsClosedAndHurtsNobody) {
  Serve(Echo);
  const std::string huge_length("\x01\xff\xff\xff\xff", 5);
  const std::string unknown_type("\x63\x01\x00\x00\x00x", 6);
  const std::string not_a_request("\x02\x01\x00\x00\x00x", 6);
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\n\r\n"), huge_length, unknown_type, not_a_request}) {
    const RawCaller caller(store());
    ASSERT_TRUE(caller.connected());
    caller.Send(bytes);
    EXPECT_EQ(caller.ReadAll(), "");
  }
  const RawCaller half(store());
  half.Send("\x01\x10");
  half.EndSending();
  EXPECT_EQ(half.ReadAll(), "");
  ExpectAlive();
}

TEST_F(ControlTest, RequestThatIsNoneGetsASentence) {
  Serve(Echo);
  const RawCaller caller(store());
  caller.SendFrame(FrameType::kRequest, "{\"version\":1,\"verb\":\"frob\"}");
  EXPECT_THAT(caller.ReadAll(), HasSubstr("unknown verb 'frob'"));
  const RawCaller newer(store());
  newer.SendFrame(FrameType::kRequest, "{\"version\":9,\"verb\":\"status\"}");
  EXPECT_THAT(newer.ReadAll(), HasSubstr("version 9"));
  ExpectAlive();
}

TEST_F(ControlTest, FramesOutOfPlaceEndTheVerb) {
  Serve(Echo);
  VerbRequest request{.verb = Verb::kLoad};
  request.inputs.resize(1);
  for (const FrameType type : {FrameType::kRequest, FrameType::kOut, FrameType::kExit}) {
    const RawCaller caller(store());
    caller.SendFrame(FrameType::kRequest, EncodeRequest(request));
    caller.SendFrame(type, "x");
    EXPECT_THAT(caller.ReadAll(), HasSubstr("no place here"));
  }
  ExpectAlive();
}

TEST_F(ControlTest, CallerThatVanishesInTheMiddleEndsItsVerb) {
  std::promise<Code> seen;
  Serve([&](const VerbRequest& request, uint32_t, VerbIo& io) {
    if (request.verb == Verb::kFlush) return 0;
    std::string chunk;
    Result<bool> more = io.Input(0, chunk);
    while (more.ok() && *more) more = io.Input(0, chunk);
    seen.set_value(more.status().code());
    return 1;
  });
  {
    VerbRequest request{.verb = Verb::kLoad};
    request.inputs.resize(1);
    const RawCaller caller(store());
    caller.SendFrame(FrameType::kRequest, EncodeRequest(request));
    caller.SendFrame(FrameType::kInput, "some");
  }
  EXPECT_EQ(seen.get_future().get(), Code::kInterrupted);
  ExpectAlive();
}

TEST_F(ControlTest, RandomBytesNeverCrash) {
  Serve(Echo);
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  VerbRequest request{.verb = Verb::kLoad};
  request.inputs.resize(1);
  for (int round = 0; round < 300; ++round) {
    const RawCaller caller(store());
    if (round % 2 == 0) caller.SendFrame(FrameType::kRequest, EncodeRequest(request));
    std::string bytes(random() % 300, '\0');
    for (char& c : bytes) c = static_cast<char>(random() % 4 == 0 ? random() : random() % 24);
    caller.Send(bytes);
    caller.EndSending();
    caller.ReadAll();
  }
  ExpectAlive();
}

TEST_F(ControlTest, VerbThatThrowsIsContained) {
  Serve([](const VerbRequest& request, uint32_t, VerbIo&) -> int {
    if (request.verb == Verb::kFlush) return 0;
    throw std::runtime_error("boom");
  });
  RecordingIo io;
  EXPECT_EQ(Call({.verb = Verb::kStatus}, io), kExitFailed);
  EXPECT_THAT(io.errors.back(), HasSubstr("boom"));
  ExpectAlive();
}

TEST_F(ControlTest, StatusAnswersBesideLoads) {
  std::latch release(1);
  std::atomic<unsigned> running = 0;
  Serve([&](const VerbRequest& request, uint32_t, VerbIo&) {
    if (VerbIsBulk(request.verb)) {
      ++running;
      release.wait();
    }
    return 0;
  });
  std::vector<std::thread> loads;
  for (unsigned i = 0; i < kControlBulkThreads + 4; ++i) {
    loads.emplace_back([&] {
      RecordingIo io;
      EXPECT_EQ(Call({.verb = Verb::kLoad}, io), 0);
    });
  }
  while (running < kControlBulkThreads) std::this_thread::yield();
  ExpectAlive();
  EXPECT_EQ(running, kControlBulkThreads);  // the others wait
  release.count_down();
  for (std::thread& load : loads) load.join();
  EXPECT_EQ(running, kControlBulkThreads + 4);
}

TEST_F(ControlTest, SilentCallersMakeRoomForOneThatAsks) {
  Serve(Echo);
  std::vector<std::unique_ptr<RawCaller>> silent;
  for (size_t i = 0; i < kControlConnectionsMax + 6; ++i) {
    silent.push_back(std::make_unique<RawCaller>(store()));
    ASSERT_TRUE(silent.back()->connected());
  }
  ExpectAlive();
  EXPECT_EQ(silent.front()->ReadAll(),
            "");  // the oldest went first, without a wait for its deadline
}

TEST_F(ControlTest, CallersOverTheBoundAreToldSo) {
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  Serve([&](const VerbRequest&, uint32_t, VerbIo&) {
    released.wait();
    return 0;
  });
  std::vector<std::unique_ptr<RawCaller>> asking;
  const auto ask = [&] {
    asking.push_back(std::make_unique<RawCaller>(store()));
    asking.back()->SendFrame(FrameType::kRequest, EncodeRequest({.verb = Verb::kLoad}));
  };
  for (size_t i = 0; i < kControlConnectionsMax; ++i) ask();
  // Requests are read one by one; until all are, a silent caller takes the place of one that has
  // not been read, and hears nothing.
  std::string heard;
  for (int tries = 0; tries < 1000 && heard.empty(); ++tries) {
    if (tries > 0) ask();
    const RawCaller other(store());
    other.EndSending();
    heard = other.ReadAll();
  }
  EXPECT_THAT(heard, HasSubstr("too many callers"));
  release.set_value();
  server_->Stop();
}

TEST_F(ControlTest, AReadOnlyMountAnswersByItsDeviceAndMakesNoFile) {
  const std::string device = "0:test" + std::to_string(getpid());
  RecordingIo nobody;
  auto answer = CallReader(store(), device, {.verb = Verb::kFlush}, nobody);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(*answer, std::nullopt);
  auto server = ControlServer::Start(
      {.store_path = store(), .device = device, .owner_uid = getuid(), .handler = Echo});
  ASSERT_TRUE(server.ok()) << server.status().ToString();
  RecordingIo io;
  answer = CallReader(store(), device, {.verb = Verb::kFlush}, io);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(*answer, 0);
  EXPECT_TRUE(std::filesystem::is_empty(store()));
  (*server)->Stop();
  answer = CallReader(store(), device, {.verb = Verb::kFlush}, io);
  EXPECT_EQ(answer.ok() ? *answer : std::optional<int>(-1), std::nullopt);
}

TEST_F(ControlTest, StopEndsVerbsThatWaitForTheirCaller) {
  std::promise<void> waiting;
  Serve([&](const VerbRequest&, uint32_t, VerbIo& io) {
    waiting.set_value();
    std::string chunk;
    return io.Input(0, chunk).ok() ? 0 : 1;
  });
  VerbRequest request{.verb = Verb::kLoad};
  request.inputs.resize(1);
  const RawCaller caller(store());
  caller.SendFrame(FrameType::kRequest, EncodeRequest(request));
  waiting.get_future().wait();
  server_->Stop();
}

// ---- the near end against a daemon that is none ----

class FakeDaemon {
 public:
  FakeDaemon(const std::string& store, std::string answer)
      : fd_(socket(AF_UNIX, SOCK_STREAM, 0)), answer_(std::move(answer)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ControlSocketPath(store).copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(fd_, 1), 0);
    thread_ = std::thread([this] {
      const int peer = accept(fd_, nullptr, nullptr);
      send(peer, answer_.data(), answer_.size(), MSG_NOSIGNAL);
      shutdown(peer, SHUT_WR);
      char bytes[4096];
      while (recv(peer, bytes, sizeof bytes, 0) > 0) {
      }
      close(peer);
    });
  }
  ~FakeDaemon() {
    thread_.join();
    close(fd_);
  }

 private:
  const int fd_;
  const std::string answer_;
  std::thread thread_;
};

TEST_F(ControlTest, CallerSurvivesADaemonThatIsNone) {
  const std::string want_of_nothing("\x13\x08\x00\x00\x00\x09\x00\x00\x00\x01\x00\x00\x00", 13);
  const std::string short_exit("\x14\x01\x00\x00\x00x", 6);
  const std::string bad_progress("\x12\x01\x00\x00\x00[", 6);
  const std::string wrong_progress("\x12\x0b\x00\x00\x00{\"stage\":1}", 16);
  for (const std::string& answer : {std::string(), std::string("SSH-2.0-x\r\n"), want_of_nothing,
                                    short_exit, bad_progress, wrong_progress}) {
    RecordingIo io;
    {
      const FakeDaemon daemon(store(), answer);
      EXPECT_FALSE(CallDaemon(store(), {.verb = Verb::kStatus}, io).ok());
    }
    unlink(ControlSocketPath(store()).c_str());
  }
}

TEST_F(ControlTest, AWriteWhoseDaemonDiesMayHaveBeenDone) {
  const std::string half_a_frame("\x14\x04\x00", 3);
  for (const std::string& answer : {std::string(), half_a_frame}) {
    RecordingIo io;
    for (const Verb verb : {Verb::kLoad, Verb::kSchemaApply}) {
      const FakeDaemon daemon(store(), answer);
      const Status gone = CallDaemon(store(), {.verb = verb}, io).status();
      unlink(ControlSocketPath(store()).c_str());
      EXPECT_EQ(ExitCodeOf(gone), kExitRecoveryNeeded);
      EXPECT_THAT(gone.message(), HasSubstr("was done is unknown"));
      EXPECT_THAT(gone.message(), HasSubstr("`mendfs log " + store() + "`"));
    }
    for (const Verb verb : {Verb::kStatus, Verb::kFlush}) {
      const FakeDaemon daemon(store(), answer);
      const Status gone = CallDaemon(store(), {.verb = verb}, io).status();
      unlink(ControlSocketPath(store()).c_str());
      EXPECT_EQ(ExitCodeOf(gone), kExitFailed);
      EXPECT_THAT(gone.message(), HasSubstr("went away"));
    }
  }
}

// ---- frames ----

TEST(FrameTest, HeadersSurviveTheWay) {
  for (const FrameType type :
       {FrameType::kRequest, FrameType::kInputFailed, FrameType::kOut, FrameType::kExit}) {
    const auto header =
        DecodeFrameHeader(EncodeFrameHeader({.type = type, .size_bytes = kFramePayloadBytesMax}));
    ASSERT_TRUE(header.ok());
    EXPECT_EQ(header->type, type);
    EXPECT_EQ(header->size_bytes, kFramePayloadBytesMax);
  }
}

TEST(FrameTest, UnknownTypesAndLengthsAreRefused) {
  for (int type = 0; type < 256; ++type) {
    const bool known = (type >= 1 && type <= 4) || (type >= 16 && type <= 20);
    EXPECT_EQ(DecodeFrameHeader({static_cast<unsigned char>(type), 0, 0, 0, 0}).ok(), known);
  }
  EXPECT_FALSE(DecodeFrameHeader({1, 1, 0, 0x10, 0}).ok());
}

}  // namespace
}  // namespace mendfs
