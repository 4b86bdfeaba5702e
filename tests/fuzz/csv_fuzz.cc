// Any bytes as CSV, in any pieces: the same records and faults, never a field that is longer than
// the record may be, places that rise; and what a writer makes of fields reads back as they were.
#include <string>
#include <vector>

#include "meta/table/text/csv_reader.h"
#include "tests/fuzz/fuzz.h"

namespace mendfs {
namespace {

constexpr size_t kRecordBytesMax = 64;

struct Seen : CsvSink {
  Status TakeRecord(std::span<const CsvField> fields) override {
    Require(!fields.empty() && fields.size() <= kCsvFieldsMax);
    size_t bytes = 0;
    for (const CsvField& field : fields) {
      Require(field.place.line > line || (field.place.line == line && field.place.column > column));
      line = field.place.line;
      column = field.place.column;
      bytes += field.text.size();
      text.append(field.quoted ? "Q" : "F").append(std::to_string(field.text.size())).append(":");
      text.append(field.text);
      again.append(&field == fields.data() ? "" : ",");
      if (field.is_null()) continue;
      again.push_back('"');
      for (const char c : field.text) again.append(c == '"' ? 2 : 1, c);
      again.push_back('"');
    }
    Require(bytes <= kRecordBytesMax);
    text.push_back('\n');
    again.push_back('\n');
    ++records;
    fields_seen += fields.size();
    return Status::Ok();
  }
  Status TakeFault(const CsvPlace& place, const Status& fault) override {
    Require(!fault.ok());
    text.append("fault ").append(std::to_string(place.line)).append("\n");
    return Status::Ok();
  }
  uint64_t line = 0;
  uint64_t column = 0;
  size_t records = 0;
  size_t fields_seen = 0;
  std::string text;
  std::string again;
};

Seen ReadIn(std::string_view bytes, size_t piece) {
  CsvReader reader(',', kRecordBytesMax);
  Seen seen;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    Require(reader.Add(bytes.substr(at, piece), seen).ok());
  }
  Require(reader.End(seen).ok());
  return seen;
}

}  // namespace

std::vector<std::string> Seeds() {
  return {"a,b\n1,\"x\"\"y\"\n", "\xEF\xBB\xBFk,v\r\n\"a\nb\",\r\n", "a\"b,c\n,\n\"\"\n",
          "\"never closed", "x\ry,\"a\"b\n"};
}

}  // namespace mendfs

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mendfs;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Seen whole = ReadIn(bytes, size + 1);
  for (const size_t piece : {size_t{1}, size_t{3}, size_t{7}}) {
    Require(ReadIn(bytes, piece).text == whole.text);
  }
  const Seen again = ReadIn(whole.again, 5);
  // A record of one field that is nothing would be a blank line; the reader never makes one.
  Require(again.records == whole.records && again.fields_seen == whole.fields_seen);
  return 0;
}
