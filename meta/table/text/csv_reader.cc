#include "meta/table/text/csv_reader.h"

#include <utility>

namespace mendfs {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

Status Bad(const char* sentence) {
  return {Code::kInvalid, sentence};
}

}  // namespace

void CsvReader::Advance(char byte) {
  if (byte == '\n') {
    ++place_.line;
    place_.column = 1;
  } else {
    ++place_.column;
  }
}

void CsvReader::Forget() {
  text_.clear();
  spans_.clear();
  refused_ = false;
}

void CsvReader::BeginField(bool quoted) {
  field_place_ = place_;
  field_quoted_ = quoted;
}

void CsvReader::EndField() {
  if (!refused_) spans_.push_back({text_.size(), field_quoted_, field_place_});
}

// The fault is told once; what is left of the record is read for its end alone.
Status CsvReader::Refuse(const CsvPlace& place, Status fault, State next, CsvSink& sink) {
  state_ = next;
  text_.clear();
  spans_.clear();
  if (std::exchange(refused_, true)) return Status::Ok();
  return sink.TakeFault(place, fault);
}

Status CsvReader::Keep(std::string_view bytes, CsvSink& sink) {
  if (refused_) return Status::Ok();
  if (bytes.size() > record_bytes_max_ - text_.size()) {
    return Refuse(spans_.empty() ? field_place_ : spans_.front().place,
                  {Code::kTooBig,
                   "the record is longer than " + std::to_string(record_bytes_max_) + " bytes"},
                  state_, sink);
  }
  text_.append(bytes);
  return Status::Ok();
}

Status CsvReader::EndRecord(CsvSink& sink) {
  state_ = State::kField;
  // A line without any byte is none: one field that is nothing, at the line's beginning.
  const bool blank = spans_.size() == 1 && text_.empty() && !spans_.front().quoted &&
                     spans_.front().place.column == 1;
  if (refused_ || blank) {
    Forget();
    return Status::Ok();
  }
  fields_.clear();
  size_t begin = 0;
  for (const Span& span : spans_) {
    fields_.push_back(
        {std::string_view(text_).substr(begin, span.end - begin), span.quoted, span.place});
    begin = span.end;
  }
  const Status taken = sink.TakeRecord(fields_);
  Forget();
  return taken;
}

// False: it is the first byte of the file's text.
bool CsvReader::TakeMark(char byte) {
  if (byte != kByteOrderMark[mark_bytes_]) return false;
  if (++mark_bytes_ == kByteOrderMark.size()) state_ = State::kField;
  return true;
}

// How many bytes from here on mean nothing but themselves.
size_t CsvReader::PlainBytes(std::string_view bytes) const {
  if (state_ == State::kQuoted) {
    const size_t stop = bytes.find_first_of("\"\n");
    return stop == std::string_view::npos ? bytes.size() : stop;
  }
  if (state_ != State::kPlain) return 0;
  size_t count = 0;
  while (count < bytes.size()) {
    const char byte = bytes[count];
    if (byte == delimiter_ || byte == '"' || byte == '\n' || byte == '\r') break;
    ++count;
  }
  return count;
}

Status CsvReader::Add(std::string_view bytes, CsvSink& sink) {
  while (!bytes.empty()) {
    if (const size_t plain = PlainBytes(bytes); plain > 0) {
      MENDFS_RETURN_IF_ERROR(Keep(bytes.substr(0, plain), sink));
      place_.column += plain;
      bytes.remove_prefix(plain);
      continue;
    }
    const char byte = bytes.front();
    bytes.remove_prefix(1);
    if (state_ == State::kBegin) {
      if (TakeMark(byte)) continue;
      // What looked like a mark is text, whatever it is.
      state_ = State::kField;
      const std::string begun(kByteOrderMark.substr(0, std::exchange(mark_bytes_, 0)));
      for (const char early : begun) {
        MENDFS_RETURN_IF_ERROR(TakeByte(early, sink));
        Advance(early);
      }
    }
    MENDFS_RETURN_IF_ERROR(TakeByte(byte, sink));
    Advance(byte);
  }
  return Status::Ok();
}

// Behind a quote inside of quotes: another one makes one of the two, all else ends the field.
Status CsvReader::TakeQuote(char byte, CsvSink& sink) {
  if (byte == '"') {
    state_ = State::kQuoted;
    return Keep("\"", sink);
  }
  if (byte != delimiter_ && byte != '\n' && byte != '\r') {
    return Refuse(place_,
                  Bad("there is text behind the closing quote; a quote inside of quotes is written "
                      "twice"),
                  State::kSkipping, sink);
  }
  EndField();
  if (byte == '\n') return EndRecord(sink);
  state_ = byte == '\r' ? State::kReturn : State::kField;
  return Status::Ok();
}

Status CsvReader::TakeByte(char byte, CsvSink& sink) {
  switch (state_) {
    case State::kBegin:
    case State::kField:
      if (spans_.size() == kCsvFieldsMax) {
        MENDFS_RETURN_IF_ERROR(Refuse(place_,
                                      {Code::kTooBig, "the record has more than 4096 fields"},
                                      State::kSkipping, sink));
        return TakeByte(byte, sink);
      }
      BeginField(byte == '"');
      state_ = byte == '"' ? State::kQuoted : State::kPlain;
      return byte == '"' ? Status::Ok() : TakeByte(byte, sink);
    case State::kPlain:
      if (byte == delimiter_ || byte == '\n' || byte == '\r') {
        EndField();
        if (byte == '\n') return EndRecord(sink);
        state_ = byte == '\r' ? State::kReturn : State::kField;
        return Status::Ok();
      }
      if (byte == '"') {
        return Refuse(place_,
                      Bad("there is a quote inside of a field that does not begin with one; quote "
                          "the whole field and write the quote twice"),
                      State::kSkipping, sink);
      }
      return Keep(std::string_view(&byte, 1), sink);
    case State::kQuoted:
      if (byte != '"') return Keep(std::string_view(&byte, 1), sink);
      state_ = State::kQuote;
      return Status::Ok();
    case State::kQuote: return TakeQuote(byte, sink);
    case State::kReturn:
      if (byte == '\n') return EndRecord(sink);
      return Refuse(place_,
                    Bad("a carriage return stands there without a newline; quote the field "
                        "that it belongs to"),
                    State::kSkipping, sink);
    case State::kSkipping:
      if (byte == '\n') {
        Forget();
        state_ = State::kField;
      }
      return Status::Ok();
  }
  return Status::Ok();
}

Status CsvReader::End(CsvSink& sink) {
  Status ended;
  switch (state_) {
    case State::kBegin:
      if (mark_bytes_ > 0) ended = sink.TakeFault({}, Bad("the file ends in a byte order mark"));
      break;
    case State::kField:
      if (spans_.empty()) break;  // behind a line's end
      BeginField(false);
      EndField();
      ended = EndRecord(sink);
      break;
    case State::kPlain:
    case State::kQuote:
    case State::kReturn:
      if (state_ != State::kReturn) EndField();
      ended = EndRecord(sink);
      break;
    case State::kQuoted:
      ended = Refuse(field_place_, Bad("the quote is never closed"), State::kField, sink);
      break;
    case State::kSkipping: break;
  }
  Forget();
  state_ = State::kBegin;
  mark_bytes_ = 0;
  place_ = {};
  return ended;
}

}  // namespace mendfs
