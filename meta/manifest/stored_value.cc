#include "meta/manifest/stored_value.h"

#include "meta/codec/bytes.h"
#include "meta/codec/hash.h"

namespace mendfs {
namespace {

constexpr uint8_t kPresent = 1;
constexpr uint8_t kWhiteout = 2;

}  // namespace

std::string EncodeStoredValue(const StoredValue& value) {
  std::string out;
  out.reserve(11 + value.payload.size());
  PutU8(out, value.whiteout ? kWhiteout : kPresent);
  PutVarint(out, value.start.value);
  out.append(value.payload);
  return out;
}

Result<StoredValue> DecodeStoredValue(std::string_view key, std::string_view bytes) {
  ByteReader in(bytes);
  const uint8_t kind = in.GetU8();
  StoredValue value;
  value.start = Seq(in.GetVarint());
  value.whiteout = kind == kWhiteout;
  if (!in.ok() || (kind != kPresent && kind != kWhiteout) ||
      (value.whiteout && !in.rest().empty())) {
    return Status(Code::kCorruption, "manifest entry " + ToHex(key) + " does not decode");
  }
  value.payload = in.rest();
  return value;
}

}  // namespace mendfs
