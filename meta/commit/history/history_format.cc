#include "meta/commit/history/history_format.h"

#include "meta/codec/bytes.h"

namespace mendfs {
namespace {

constexpr uint8_t kVersion = 1;

}  // namespace

std::string EncodeHistoryRow(const HistoryRow& row) {
  std::string out;
  PutU8(out, kVersion);
  PutU64(out, row.owed);
  PutU64(out, row.dropped);
  PutI64(out, row.judged_ns);
  PutU64(out, row.commits);
  PutU64(out, row.oldest.value);
  PutI64(out, row.oldest_ns);
  PutI64(out, row.looked_ns);
  PutU64(out, row.values);
  PutU64(out, row.value_bytes);
  return out;
}

Result<HistoryRow> DecodeHistoryRow(std::string_view bytes) {
  ByteReader in(bytes);
  const uint8_t version = in.GetU8();
  if (in.ok() && version > kVersion) {
    return Status(Code::kUnsupported, "the row of history has version " + std::to_string(version) +
                                          ", this program knows " + std::to_string(kVersion) +
                                          "; use a newer mendfs, nothing was changed");
  }
  HistoryRow row;
  row.owed = in.GetU64();
  row.dropped = in.GetU64();
  row.judged_ns = in.GetI64();
  row.commits = in.GetU64();
  row.oldest = Seq(in.GetU64());
  row.oldest_ns = in.GetI64();
  row.looked_ns = in.GetI64();
  row.values = in.GetU64();
  row.value_bytes = in.GetU64();
  if (!in.AtEnd() || version != kVersion) {
    return Status(Code::kCorruption, "the row of history does not decode");
  }
  return row;
}

}  // namespace mendfs
