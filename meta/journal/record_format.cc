#include "meta/journal/record_format.h"

#include "meta/codec/bytes.h"

namespace mendfs {
namespace {

constexpr std::string_view kFileMagic = "MENDJRNL";
constexpr uint32_t kRecordMagic = 0x31524A4D;  // "MJR1"

uint64_t SaltedHash(std::string_view bytes, uint64_t salt) {
  std::string salted;
  salted.reserve(8 + bytes.size());
  PutU64(salted, salt);
  salted.append(bytes);
  return HashXxh3(salted);
}

}  // namespace

std::string EncodeJournalHeader(const JournalHeader& header) {
  std::string out(kFileMagic);
  PutU32(out, kJournalVersion);
  PutU32(out, 0);
  PutId(out, header.store);
  PutU64(out, header.first.value);
  PutU64(out, header.salt);
  PutU64(out, 0);
  PutU64(out, HashXxh3(out));
  return out;
}

Result<JournalHeader> DecodeJournalHeader(std::string_view bytes) {
  if (bytes.size() < kJournalHeaderBytes) return Status(Code::kCorruption, "header cut short");
  bytes = bytes.substr(0, kJournalHeaderBytes);
  ByteReader in(bytes);
  const bool magic = in.GetRaw(8) == kFileMagic;
  const uint32_t version = in.GetU32();
  const uint32_t reserved = in.GetU32();
  JournalHeader header;
  header.store = in.GetId();
  header.first = Seq(in.GetU64());
  header.salt = in.GetU64();
  const uint64_t reserved_tail = in.GetU64();
  const uint64_t sum = in.GetU64();
  if (!magic) return Status(Code::kCorruption, "not a journal segment (magic)");
  if (version > kJournalVersion) {
    return Status(Code::kUnsupported, "journal version " + std::to_string(version) +
                                          ", this program knows " +
                                          std::to_string(kJournalVersion));
  }
  if (sum != HashXxh3(bytes.substr(0, kJournalHeaderBytes - 8)) || reserved != 0 ||
      reserved_tail != 0) {
    return Status(Code::kCorruption, "journal header fails its checksum");
  }
  return header;
}

std::string EncodeRecordHeader(const RecordHeader& header, uint64_t salt) {
  std::string out;
  out.reserve(kRecordHeaderBytes);
  PutU32(out, kRecordMagic);
  PutU8(out, static_cast<uint8_t>(header.kind));
  PutU8(out, 1);
  PutU16(out, 0);
  PutU32(out, header.payload_bytes);
  PutU32(out, header.branch.value);
  PutU64(out, header.seq.value);
  PutI64(out, header.time_ns);
  PutU64(out, header.payload_hash.low);
  PutU64(out, header.payload_hash.high);
  PutU64(out, SaltedHash(out, salt));
  return out;
}

Result<RecordHeader> DecodeRecordHeader(std::string_view bytes, uint64_t salt) {
  if (bytes.size() < kRecordHeaderBytes) return Status(Code::kCorruption, "record cut short");
  bytes = bytes.substr(0, kRecordHeaderBytes);
  ByteReader in(bytes);
  const uint32_t magic = in.GetU32();
  const uint8_t kind = in.GetU8();
  const uint8_t version = in.GetU8();
  const uint16_t reserved = in.GetU16();
  RecordHeader header;
  header.payload_bytes = in.GetU32();
  header.branch = BranchId(in.GetU32());
  header.seq = Seq(in.GetU64());
  header.time_ns = in.GetI64();
  header.payload_hash.low = in.GetU64();
  header.payload_hash.high = in.GetU64();
  const uint64_t sum = in.GetU64();
  if (magic != kRecordMagic) return Status(Code::kCorruption, "no record here (magic)");
  if (sum != SaltedHash(bytes.substr(0, kRecordHeaderBytes - 8), salt)) {
    return Status(Code::kCorruption, "record header fails its checksum");
  }
  if (version != 1) return Status(Code::kUnsupported, "newer record version");
  if (reserved != 0 || kind < 1 || kind > 3 || header.payload_bytes > kRecordPayloadBytesMax) {
    return Status(Code::kCorruption, "record header holds values no program wrote");
  }
  header.kind = static_cast<RecordKind>(kind);
  return header;
}

}  // namespace mendfs
