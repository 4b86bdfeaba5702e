// Any bytes as what comes over the control socket, in mount options and in mendfs.json: refused, or
// understood the same way when it is said again.
#include <algorithm>

#include "meta/commit/identity.h"
#include "mount-tools/control/frame.h"
#include "mount-tools/mounting/mount_options.h"
#include "mount-tools/verbs/text.h"
#include "mount-tools/verbs/verb_request.h"
#include "tests/fuzz/fuzz.h"

namespace mendfs {
namespace {

std::string Text(const FrameHeaderBytes& bytes) {
  return {bytes.begin(), bytes.end()};
}

void CheckFrame(std::string_view bytes) {
  FrameHeaderBytes header{};
  if (bytes.size() != header.size()) return;
  std::copy(bytes.begin(), bytes.end(), header.begin());
  const auto decoded = DecodeFrameHeader(header);
  if (!decoded.ok()) return;
  Require(decoded->size_bytes <= kFramePayloadBytesMax);
  Require(EncodeFrameHeader(*decoded) == header);
}

void CheckRequest(std::string_view bytes) {
  const auto request = DecodeRequest(bytes);
  if (!request.ok()) return;
  const std::string said = EncodeRequest(*request);
  const auto again = DecodeRequest(said);
  Require(again.ok() && EncodeRequest(*again) == said);
}

void CheckIdentity(std::string_view bytes) {
  const auto identity = DecodeIdentity(bytes);
  if (!identity.ok()) return;
  const std::string said = EncodeIdentity(*identity);
  const auto again = DecodeIdentity(said);
  Require(again.ok() && EncodeIdentity(*again) == said);
}

void CheckOptions(std::string_view bytes) {
  const std::string text(bytes);
  for (const bool sloppy : {false, true}) {
    ParseMountOptions(std::span(&text, 1), {.root = true, .sloppy = sloppy}).status().IgnoreError();
  }
  for (const char c : Printable(bytes)) Require(static_cast<unsigned char>(c) >= 0x20);
}

}  // namespace

std::vector<std::string> Seeds() {
  VerbRequest request;
  request.verb = Verb::kLoad;
  request.inputs = {{"a.jsonl", 5}};
  request.types = {"Person"};
  request.limit = 3;
  StoreIdentity identity;
  identity.uuid = "0123456789abcdef0123456789abcdef";
  return {SeedFor(0, Text(EncodeFrameHeader({FrameType::kInput, 5}))),
          SeedFor(1, EncodeRequest(request)),
          SeedFor(2, EncodeIdentity(identity)),
          SeedFor(3, "ro,noatime,cache_size=64M,commit=500ms,x-a.b=c"),
          SeedFor(4, EncodeWanted({1, 2})),
          SeedFor(4, EncodeExit(8))};
}

}  // namespace mendfs

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mendfs;
  const Choice choice = ChooseDecoder(data, size, 5);
  const std::string_view bytes = choice.bytes;
  switch (choice.decoder) {
    case 0: CheckFrame(bytes); break;
    case 1: CheckRequest(bytes); break;
    case 2: CheckIdentity(bytes); break;
    case 3: CheckOptions(bytes); break;
    default:
      RequireSameBytes(DecodeWanted(bytes), bytes, EncodeWanted);
      RequireSameBytes(DecodeExit(bytes), bytes, EncodeExit);
  }
  return 0;
}
