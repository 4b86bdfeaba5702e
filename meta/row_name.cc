#include "meta/row_name.h"

#include <algorithm>
#include <utility>

#include "meta/codec/hash.h"
#include "meta/table/schema/row_value.h"

namespace mendfs {
namespace {

constexpr std::string_view kHashMark = "%h";
constexpr size_t kHashDigits = 32;
constexpr char kHexDigits[] = "0123456789ABCDEF";
// One bound for both forms, so that a row's directory and its file are hashed together.
constexpr size_t kStemBytesMax = kFileNameBytesMax - kRowNameSuffix.size();

bool MustEscape(unsigned char c, bool first) {
  return c < 0x20 || c == 0x7f || c == '/' || c == '%' || c == '~' || (first && c == '.');
}

Status Invalid(std::string_view name, const std::string& reason) {
  return {Code::kInvalid, "row name \"" + std::string(name.substr(0, 120)) + "\": " + reason};
}

Status AppendParts(std::string& stem, std::span<const std::string> parts) {
  for (const std::string& part : parts) {
    if (part.empty()) return {Code::kInvalid, "a key must not be empty"};
    if (!IsUtf8(part)) return {Code::kInvalid, "the key is not UTF-8"};
    if (!stem.empty()) stem.push_back('~');
    for (const char c : part) {
      const auto byte = static_cast<unsigned char>(c);
      if (!MustEscape(byte, stem.empty())) {
        stem.push_back(c);
        continue;
      }
      stem.push_back('%');
      stem.push_back(kHexDigits[byte >> 4]);
      stem.push_back(kHexDigits[byte & 15]);
    }
  }
  return Status::Ok();
}

std::string FinishName(std::string stem, RowNameForm form) {
  if (stem.size() > kStemBytesMax) {
    const std::string hash = ToHex(HashXxh3Wide(stem));
    stem = std::string(kHashMark) + hash;
  }
  if (form == RowNameForm::kFile) stem += kRowNameSuffix;
  return stem;
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// One part between two `~`, whose escapes must be exactly those that AppendParts makes.
Result<std::string> DecodePart(std::string_view name, std::string_view text, bool first) {
  std::string part;
  if (text.empty()) return Invalid(name, "a part of the key is empty");
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (text[i] != '%') {
      if (MustEscape(byte, first && i == 0)) {
        return Invalid(name, "holds a byte that must be written %XX");
      }
      part.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return Invalid(name,
                     "\"%\" must be followed by two upper-case hexadecimal digits; a \"%\" "
                     "in a key is written %25");
    }
    const auto value = static_cast<unsigned char>(high * 16 + low);
    if (!MustEscape(value, first && i == 0)) {
      return Invalid(
          name, "\"" + std::string(text.substr(i, 3)) + "\" escapes a byte that stands for itself");
    }
    part.push_back(static_cast<char>(value));
    i += 2;
  }
  if (!IsUtf8(part)) return Invalid(name, "is not UTF-8");
  return part;
}

struct Stem {
  std::vector<std::string_view> tokens;
  std::optional<std::string> hashed;
};

// Takes the form off and splits at `~`; `token_count_max` bounds the work.
Result<Stem> TakeStem(std::string_view name, RowNameForm form, size_t token_count_max) {
  Stem stem;
  std::string_view text = name;
  if (name.size() > kFileNameBytesMax) return Invalid(name, "is longer than 255 bytes");
  if (form == RowNameForm::kFile) {
    if (!IsRowName(name)) return Invalid(name, "is not of the form <key>.json");
    text.remove_suffix(kRowNameSuffix.size());
  }
  if (text.empty()) return Invalid(name, "is empty");
  if (text.starts_with(kHashMark)) {
    if (!IsHashedStem(text)) return Invalid(name, "%h is followed by 32 lower-case digits");
    stem.hashed = std::string(text);
    return stem;
  }
  if (text.size() > kStemBytesMax) {
    return Invalid(name, "is so long that it must be written %h and its hash");
  }
  for (;;) {
    const size_t end = std::min(text.find('~'), text.size());
    stem.tokens.push_back(text.substr(0, end));
    if (end == text.size()) return stem;
    if (stem.tokens.size() > token_count_max) return Invalid(name, "has too many parts");
    text.remove_prefix(end + 1);
  }
}

Result<std::vector<std::string>> DecodeParts(std::string_view name,
                                             std::span<const std::string_view> tokens, bool first) {
  std::vector<std::string> parts;
  for (const std::string_view token : tokens) {
    MENDFS_ASSIGN_OR_RETURN(std::string part, DecodePart(name, token, first));
    first = false;
    parts.push_back(std::move(part));
  }
  return parts;
}

std::string Parts(size_t count) {
  return std::to_string(count) + (count == 1 ? " part" : " parts");
}

}  // namespace

Result<std::string> EncodeNodeName(std::span<const std::string> key, RowNameForm form) {
  if (key.empty()) return Status(Code::kInvalid, "a key must not be empty");
  std::string stem;
  MENDFS_RETURN_IF_ERROR(AppendParts(stem, key));
  return FinishName(std::move(stem), form);
}

Result<std::string> EncodeEdgeName(std::span<const std::string> source,
                                   std::span<const std::string> target, uint32_t n) {
  if (source.empty() || target.empty()) {
    return Status(Code::kInvalid, "a key must not be empty");
  }
  if (n == 0) return Status(Code::kInvalid, "edges between two ends are numbered from 1");
  std::string stem;
  MENDFS_RETURN_IF_ERROR(AppendParts(stem, source));
  MENDFS_RETURN_IF_ERROR(AppendParts(stem, target));
  if (n > 1) stem += "~" + std::to_string(n);
  return FinishName(std::move(stem), RowNameForm::kFile);
}

Result<std::string> NodeNameOfKey(std::string_view key, size_t part_count, RowNameForm form) {
  MENDFS_ASSIGN_OR_RETURN(const std::vector<std::string> parts, SplitKeyText(key, part_count));
  return EncodeNodeName(parts, form);
}

Result<std::string> EdgeNameOfKeys(const EdgeKeyTexts& keys) {
  MENDFS_ASSIGN_OR_RETURN(const std::vector<std::string> source,
                          SplitKeyText(keys.source, keys.source_part_count));
  MENDFS_ASSIGN_OR_RETURN(const std::vector<std::string> target,
                          SplitKeyText(keys.target, keys.target_part_count));
  return EncodeEdgeName(source, target, keys.n);
}

Result<NodeName> DecodeNodeName(std::string_view name, size_t part_count, RowNameForm form) {
  MENDFS_ASSIGN_OR_RETURN(Stem stem, TakeStem(name, form, part_count));
  NodeName decoded;
  decoded.hashed = std::move(stem.hashed);
  if (decoded.hashed) return decoded;
  if (stem.tokens.size() != part_count) {
    return Invalid(name, "the key has " + Parts(part_count) + " joined by \"~\", the name " +
                             std::to_string(stem.tokens.size()) +
                             "; a \"~\" in a key is written %7E");
  }
  MENDFS_ASSIGN_OR_RETURN(decoded.key, DecodeParts(name, stem.tokens, true));
  return decoded;
}

Result<EdgeName> DecodeEdgeName(std::string_view name, const EdgePartCounts& counts) {
  const size_t ends = counts.source + counts.target;
  MENDFS_ASSIGN_OR_RETURN(Stem stem, TakeStem(name, RowNameForm::kFile, ends + 1));
  EdgeName decoded;
  decoded.hashed = std::move(stem.hashed);
  if (decoded.hashed) return decoded;
  if (stem.tokens.size() != ends && stem.tokens.size() != ends + 1) {
    return Invalid(name, "an edge is named <source>~<target>.json, its ends having " +
                             Parts(counts.source) + " and " + Parts(counts.target));
  }
  const std::span<const std::string_view> tokens(stem.tokens);
  if (tokens.size() > ends) {
    const auto n = ParseUnsigned(tokens.back());
    if (!n || *n < 2 || *n > UINT32_MAX || tokens.back().starts_with('-')) {
      return Invalid(name, "the number of a parallel edge is 2 or more");
    }
    decoded.n = static_cast<uint32_t>(*n);
  }
  MENDFS_ASSIGN_OR_RETURN(decoded.source, DecodeParts(name, tokens.first(counts.source), true));
  MENDFS_ASSIGN_OR_RETURN(decoded.target,
                          DecodeParts(name, tokens.subspan(counts.source, counts.target), false));
  return decoded;
}

bool IsRowName(std::string_view name) {
  return name.size() > kRowNameSuffix.size() && name.ends_with(kRowNameSuffix) && name[0] != '.';
}

bool IsHashedStem(std::string_view stem) {
  if (stem.size() != kHashMark.size() + kHashDigits || !stem.starts_with(kHashMark)) return false;
  const std::string_view digits = stem.substr(kHashMark.size());
  return std::all_of(digits.begin(), digits.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string KeyOfParts(std::span<const std::string> parts) {
  return EncodeKeyText(parts);
}

}  // namespace mendfs
