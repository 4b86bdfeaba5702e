#include "mount-tools/verbs/verb_request.h"

#include <array>
#include <exception>
#include <nlohmann/json.hpp>

#include "mount-tools/verbs/text.h"

namespace mendfs {
namespace {

using Json = nlohmann::json;

struct VerbFacts {
  Verb verb;
  std::string_view name;
  bool writes;
  bool bulk;
};

constexpr std::array<VerbFacts, 15> kVerbs = {{
    {Verb::kStatus, "status", false, false},
    {Verb::kLoad, "load", true, true},
    {Verb::kExport, "export", false, true},
    {Verb::kLog, "log", false, true},
    {Verb::kWhy, "why", false, false},
    {Verb::kSchemaShow, "schema show", false, false},
    {Verb::kSchemaPlan, "schema plan", false, true},
    {Verb::kSchemaApply, "schema apply", true, true},
    {Verb::kFlush, "flush", true, false},
    {Verb::kQuotaList, "quota list", false, true},
    {Verb::kSnapshotCreate, "snapshot create", true, false},
    {Verb::kSnapshotList, "snapshot list", false, false},
    {Verb::kSnapshotDelete, "snapshot delete", true, false},
    {Verb::kDiff, "diff", false, true},
    {Verb::kShow, "show", false, true},
}};

constexpr std::array<std::pair<LoadMode, std::string_view>, 3> kModes = {
    {{LoadMode::kAppend, "append"}, {LoadMode::kMerge, "merge"}, {LoadMode::kReplace, "replace"}}};

constexpr std::array<std::pair<TableFormat, std::string_view>, 4> kFormats = {
    {{TableFormat::kByName, ""},
     {TableFormat::kJsonLines, "jsonl"},
     {TableFormat::kCsv, "csv"},
     {TableFormat::kTsv, "tsv"}}};

// nlohmann descends for every level of nesting; a request has four.
constexpr int kNestingMax = 4;

const VerbFacts& FactsOf(Verb verb) {
  for (const VerbFacts& facts : kVerbs) {
    if (facts.verb == verb) return facts;
  }
  return kVerbs.front();
}

// Names come from argv and need not be UTF-8.
std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Status Malformed(std::string_view what) {
  return {Code::kInvalid, "control request: " + std::string(what)};
}

Status TakeString(const Json& args, const char* name, std::string& target) {
  const auto at = args.find(name);
  if (at == args.end()) return Status::Ok();
  if (!at->is_string()) return Malformed(std::string(name) + " is no string");
  target = at->get<std::string>();
  return Status::Ok();
}

Status TakeBool(const Json& args, const char* name, bool& target) {
  const auto at = args.find(name);
  if (at == args.end()) return Status::Ok();
  if (!at->is_boolean()) return Malformed(std::string(name) + " is no boolean");
  target = at->get<bool>();
  return Status::Ok();
}

Status TakeInputs(const Json& args, VerbRequest& request) {
  const auto at = args.find("inputs");
  if (at == args.end()) return Status::Ok();
  if (!at->is_array() || at->size() > kRequestInputsMax) return Malformed("inputs");
  for (const Json& input : *at) {
    if (!input.is_object()) return Malformed("an input is no object");
    InputSource source;
    MENDFS_RETURN_IF_ERROR(TakeString(input, "name", source.name));
    const auto size = input.find("size");
    if (size != input.end()) {
      if (!size->is_number_unsigned()) return Malformed("size of an input");
      source.size_bytes = size->get<uint64_t>();
    }
    request.inputs.push_back(std::move(source));
  }
  return Status::Ok();
}

Status TakeTypes(const Json& args, VerbRequest& request) {
  const auto at = args.find("types");
  if (at == args.end()) return Status::Ok();
  if (!at->is_array() || at->size() > kRequestTypesMax) return Malformed("types");
  for (const Json& type : *at) {
    if (!type.is_string()) return Malformed("a type is no string");
    request.types.push_back(type.get<std::string>());
  }
  return Status::Ok();
}

Status TakeArguments(const Json& args, VerbRequest& request) {
  MENDFS_RETURN_IF_ERROR(TakeBool(args, "json", request.json));
  MENDFS_RETURN_IF_ERROR(TakeBool(args, "progress", request.progress));
  MENDFS_RETURN_IF_ERROR(TakeBool(args, "bare", request.bare));
  MENDFS_RETURN_IF_ERROR(TakeString(args, "type", request.type));
  MENDFS_RETURN_IF_ERROR(TakeString(args, "actor", request.actor));
  MENDFS_RETURN_IF_ERROR(TakeString(args, "message", request.message));
  MENDFS_RETURN_IF_ERROR(TakeInputs(args, request));
  MENDFS_RETURN_IF_ERROR(TakeTypes(args, request));
  std::string mode;
  MENDFS_RETURN_IF_ERROR(TakeString(args, "mode", mode));
  if (!mode.empty()) {
    const std::optional<LoadMode> parsed = ParseLoadMode(mode);
    if (!parsed) return Malformed("mode");
    request.mode = *parsed;
  }
  std::string format;
  MENDFS_RETURN_IF_ERROR(TakeString(args, "format", format));
  const std::optional<TableFormat> table_format = ParseTableFormat(format);
  if (!table_format) return Malformed("format");
  request.format = *table_format;
  MENDFS_RETURN_IF_ERROR(TakeString(args, "if_commit", request.if_commit));
  MENDFS_RETURN_IF_ERROR(TakeString(args, "from", request.from));
  MENDFS_RETURN_IF_ERROR(TakeBool(args, "allow_data_loss", request.allow_data_loss));
  MENDFS_RETURN_IF_ERROR(TakeBool(args, "act", request.act));
  MENDFS_RETURN_IF_ERROR(TakeString(args, "confirm", request.confirm));
  MENDFS_RETURN_IF_ERROR(TakeString(args, "name", request.name));
  MENDFS_RETURN_IF_ERROR(TakeString(args, "ref", request.ref));
  MENDFS_RETURN_IF_ERROR(TakeString(args, "since", request.since));
  MENDFS_RETURN_IF_ERROR(TakeBool(args, "stat", request.stat));
  const auto limit = args.find("limit");
  if (limit != args.end()) {
    if (!limit->is_number_unsigned()) return Malformed("limit");
    request.limit = limit->get<uint64_t>();
  }
  return Status::Ok();
}

Result<VerbRequest> FromJson(const Json& json) {
  if (!json.is_object()) return Malformed("no JSON object");
  const auto version = json.find("version");
  if (version == json.end() || !version->is_number_unsigned()) return Malformed("version");
  if (version->get<uint64_t>() != kControlVersion) {
    return Status(Code::kUnsupported, "the daemon speaks version " +
                                          std::to_string(kControlVersion) +
                                          " of the control protocol, the caller version " +
                                          std::to_string(version->get<uint64_t>()) +
                                          "; unmount and mount again with the installed mendfs");
  }
  std::string name;
  MENDFS_RETURN_IF_ERROR(TakeString(json, "verb", name));
  const auto args = json.find("args");
  if (args != json.end() && !args->is_object()) return Malformed("args is no object");
  for (const VerbFacts& facts : kVerbs) {
    if (facts.name != name) continue;
    VerbRequest request{.verb = facts.verb};
    if (args != json.end()) MENDFS_RETURN_IF_ERROR(TakeArguments(*args, request));
    return request;
  }
  return Malformed("unknown verb '" + Printable(name) + "'");
}

// Parses, unless the nesting says that nobody here wrote it.
Json ParseBounded(std::string_view bytes) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    if (quoted && c == '\\')
      ++i;
    else if (c == '"')
      quoted = !quoted;
    else if (!quoted && (c == '{' || c == '[') && ++depth > kNestingMax)
      return Json();
    else if (!quoted && (c == '}' || c == ']'))
      --depth;
  }
  return Json::parse(bytes, nullptr, false);
}

}  // namespace

std::string_view VerbName(Verb verb) {
  return FactsOf(verb).name;
}
bool VerbWrites(Verb verb) {
  return FactsOf(verb).writes;
}
bool VerbIsBulk(Verb verb) {
  return FactsOf(verb).bulk;
}

std::string_view LoadModeName(LoadMode mode) {
  for (const auto& [known, name] : kModes) {
    if (known == mode) return name;
  }
  return "";
}

std::optional<LoadMode> ParseLoadMode(std::string_view name) {
  for (const auto& [mode, known] : kModes) {
    if (known == name) return mode;
  }
  return std::nullopt;
}

std::string_view TableFormatName(TableFormat format) {
  for (const auto& [known, name] : kFormats) {
    if (known == format) return name;
  }
  return "";
}

std::optional<TableFormat> ParseTableFormat(std::string_view name) {
  for (const auto& [format, known] : kFormats) {
    if (known == name) return format;
  }
  return std::nullopt;
}

std::string EncodeRequest(const VerbRequest& request) {
  Json args = {{"json", request.json},
               {"progress", request.progress},
               {"mode", LoadModeName(request.mode)},
               {"type", request.type},
               {"format", TableFormatName(request.format)},
               {"if_commit", request.if_commit},
               {"from", request.from},
               {"actor", request.actor},
               {"message", request.message},
               {"name", request.name},
               {"ref", request.ref},
               {"since", request.since},
               {"stat", request.stat},
               {"types", request.types},
               {"bare", request.bare},
               {"allow_data_loss", request.allow_data_loss},
               {"act", request.act},
               {"confirm", request.confirm}};
  Json inputs = Json::array();
  for (const InputSource& input : request.inputs) {
    inputs.push_back({{"name", input.name}, {"size", input.size_bytes}});
  }
  args["inputs"] = std::move(inputs);
  if (request.limit) args["limit"] = *request.limit;
  return Dump({{"version", kControlVersion}, {"verb", VerbName(request.verb)}, {"args", args}});
}

Result<VerbRequest> DecodeRequest(std::string_view bytes) {
  try {
    return FromJson(ParseBounded(bytes));
  } catch (const std::exception& error) {  // nlohmann-json: out of memory, mostly
    return Malformed(error.what());
  }
}

}  // namespace mendfs
