#include "meta/table/json_line.h"

#include <utility>

#include "meta/table/json_cursor.h"
#include "meta/table/json_key.h"
#include "meta/table/schema/row_value.h"

namespace mendfs {
namespace {

// The members a load line may have, as bits of what was seen.
enum Member : unsigned {
  kNone = 0,
  kType = 1,
  kEdgeType = 2,
  kKey = 4,
  kFrom = 8,
  kTo = 16,
  kN = 32,
  kData = 64,
};

Member MemberOf(std::string_view name) {
  if (name == "type") return kType;
  if (name == "edge") return kEdgeType;
  if (name == "key") return kKey;
  if (name == "from") return kFrom;
  if (name == "to") return kTo;
  if (name == "n") return kN;
  return name == "data" ? kData : kNone;
}

class Splitter {
 public:
  Splitter(std::string_view line, LoadLine& out) : cursor_(line, names_), out_(out) {}

  Status Run() {
    if (!Walk()) return Explain();
    if ((seen_ & (kType | kEdgeType)) == 0) {
      return Wrong("the line has neither \"type\" nor \"edge\"; bare rows need --type");
    }
    const bool edge = (seen_ & kEdgeType) != 0;
    if (edge && (seen_ & kType) != 0) return Wrong("\"type\" and \"edge\" exclude each other");
    out_.kind = edge ? LoadLine::Kind::kEdge : LoadLine::Kind::kNode;
    const unsigned allowed = edge ? kEdgeType | kFrom | kTo | kN | kData : kType | kKey | kData;
    const unsigned required = edge ? kEdgeType | kFrom | kTo : kType | kData;
    if ((seen_ & ~allowed) != 0) {
      return Wrong(edge ? "an edge has no \"key\"" : "a node has no \"from\", \"to\" or \"n\"");
    }
    if ((seen_ & required) != required) {
      return Wrong(edge ? "an edge needs \"from\" and \"to\"" : "a node needs \"data\"");
    }
    return Status::Ok();
  }

 private:
  bool Walk() {
    if (!cursor_.Expect('{', "expected a JSON object")) return false;
    if (!cursor_.TakeIf('}')) {
      do {
        if (!ReadMember()) return false;
      } while (cursor_.TakeIf(','));
      if (!cursor_.Expect('}', "expected \",\" or \"}\"")) return false;
    }
    return cursor_.ExpectEnd();
  }

  bool ReadMember() {
    cursor_.Peek();
    const size_t where = cursor_.offset();
    JsonString name;
    if (!cursor_.ReadString(name)) return false;
    // An escaped spelling of these names is not worth a buffer.
    const Member member = name.escaped ? kNone : MemberOf(name.raw);
    if (member == kNone) {
      return cursor_.FailAt(where, "a load line has type, data, key or edge, from, to, n, data");
    }
    if ((seen_ & member) != 0) return cursor_.FailAt(where, "the name stands there twice");
    seen_ |= member;
    if (!cursor_.Expect(':', "expected \":\"")) return false;
    switch (member) {
      case kType:
      case kEdgeType: return ReadText(out_.type, out_.type_text);
      case kFrom: return ReadKey(out_.from, out_.from_text);
      case kTo: return ReadKey(out_.to, out_.to_text);
      case kKey: return ReadKey(out_.key.emplace(), out_.key_text);
      case kN: return ReadN();
      default: return ReadData();
    }
  }

  bool ReadText(std::string_view& view, std::string& owned) {
    JsonString string;
    if (!cursor_.ReadString(string)) return false;
    view = string.raw;
    if (!string.escaped) return true;
    owned.clear();
    AppendUnescaped(owned, string.raw);
    view = owned;
    return true;
  }

  bool ReadKey(std::string_view& view, std::string& owned) {
    if (cursor_.Peek() == '"') return ReadText(view, owned);
    if (!ReadKeyText(cursor_, owned)) return false;
    view = owned;
    return true;
  }

  bool ReadN() {
    cursor_.Peek();
    const size_t where = cursor_.offset();
    JsonNumber number;
    if (!cursor_.ReadNumber(number)) return false;
    const auto value = ParseUnsigned(number.text);
    if (!value || *value == 0 || *value > UINT32_MAX) {
      return cursor_.FailAt(where, "\"n\" is a number from 1 up");
    }
    out_.n = static_cast<uint32_t>(*value);
    out_.n_given = true;
    return true;
  }

  bool ReadData() {
    if (cursor_.Peek() != '{') return cursor_.Fail("\"data\" is a JSON object");
    const size_t from = cursor_.offset();
    if (!cursor_.LeapContainer()) return false;
    out_.data = cursor_.Slice(from);
    return true;
  }

  Status Wrong(const char* sentence) const { return {Code::kInvalid, sentence}; }
  Status Explain() const {
    const JsonError& error = cursor_.error();
    return {Code::kInvalid,
            std::string(error.sentence) + " (column " + std::to_string(error.offset + 1) + ")"};
  }

  JsonNames names_;
  JsonCursor cursor_;
  LoadLine& out_;
  unsigned seen_ = 0;
};

}  // namespace

Status SplitLoadLine(std::string_view line, const LoadLineOptions& options, LoadLine& out) {
  out.kind = LoadLine::Kind::kBare;
  out.type = out.from = out.to = out.data = {};
  out.key.reset();
  out.n = 1;
  out.n_given = false;
  if (options.bare) {
    out.data = line;
    return Status::Ok();
  }
  return Splitter(line, out).Run();
}

}  // namespace mendfs
