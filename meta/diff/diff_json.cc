// Differences as lines of JSON. See meta/diff.h.
#include <sys/stat.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "meta/diff.h"
#include "meta/table/text/json_text.h"

namespace mendfs {
namespace {

using Json = nlohmann::ordered_json;

void AddText(std::string& line, std::string_view name, std::string_view text) {
  line += ",\"" + std::string(name) + "\":";
  AppendJsonString(line, text);
}

void AddValue(std::string& line, std::string_view name, std::string_view json) {
  line += "\"" + std::string(name) + "\":";
  line += json.empty() ? "null" : json;
}

// As it was written: numbers keep their text.
void AddBody(std::string& line, std::string_view name, std::optional<std::string_view> body) {
  if (!body) return;
  std::string text;
  AppendMinified(text, body->empty() ? "{}" : *body);
  line.push_back(',');
  AddValue(line, name, text);
}

Json StateJson(const FileState& state) {
  Json json = {{"mode", ModeText(state.mode)},
               {"uid", state.uid},
               {"gid", state.gid},
               {"size", state.size_bytes}};
  if (!state.sha256.empty()) json["sha256"] = state.sha256;
  if (S_ISLNK(state.mode)) json["target"] = state.target;
  return json;
}

}  // namespace

std::string ModeText(uint32_t mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%06o", mode);
  return text;
}

Result<std::string> DiffJson(const RowDiff& row) {
  std::string line = "{\"op\":\"" + std::string(DiffOpName(row.op)) + "\"";
  AddText(line, "path", row.path);
  AddText(line, row.is_edge ? "edge" : "type", row.type);
  if (row.is_edge) {
    AddText(line, "from", row.from);
    AddText(line, "to", row.to);
    if (row.number != 1) line += ",\"n\":" + std::to_string(row.number);
  } else {
    AddText(line, "key", row.key);
  }
  AddBody(line, "before", row.before);
  AddBody(line, "after", row.after);
  if (row.op == DiffOp::kChanged) {
    MENDFS_ASSIGN_OR_RETURN(const auto cells, DiffCells(row.before, row.after));
    line += ",\"cells\":{";
    for (const CellDiff& cell : cells) {
      if (line.back() != '{') line.push_back(',');
      AppendJsonString(line, cell.name);
      line += ":{";
      AddValue(line, "before", cell.before);
      line.push_back(',');
      AddValue(line, "after", cell.after);
      line.push_back('}');
    }
    line.push_back('}');
    if (row.attributes) line += ",\"attributes\":true";
  }
  return line + "}";
}

// Names of files are bytes; what is no UTF-8 in them is shown as U+FFFD.
std::string DiffJson(const FileDiff& file) {
  Json line = {{"op", DiffOpName(file.op)}, {"path", file.path}};
  if (file.op == DiffOp::kRenamed) line["old_path"] = file.old_path;
  if (file.before) line["before"] = StateJson(*file.before);
  if (file.after) line["after"] = StateJson(*file.after);
  if (file.before && file.after) {
    line["differs"] = Json::array();
    if (file.body) line["differs"].push_back("body");
    if (file.attributes) line["differs"].push_back("attributes");
    if (file.xattrs) line["differs"].push_back("xattrs");
  }
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace mendfs
