#include "mount-tools/verbs/table_verbs.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "meta/codec/hash.h"
#include "meta/refs.h"
#include "mount-tools/verbs/text.h"

namespace mendfs {
namespace {

using Json = nlohmann::ordered_json;

// A load knows commits by their ids; people by any ref.
Result<std::string> IdOf(const VerbHost& host, const std::string& ref) {
  if (ref.empty()) return ref;
  MENDFS_ASSIGN_OR_RETURN(const CommitRow commit, FindCommit(host.store, kMainBranch, ref));
  return ShortHex(commit.id);
}

// Hands every input to the loader; false when there was nothing but space in all of them. A caller
// that goes away ends it: nothing is left behind.
Result<bool> ReadInputs(const VerbRequest& request, VerbIo& io, Loader& loader) {
  bool rows = false;
  LoadProgress progress{.stage = "read"};
  for (const InputSource& input : request.inputs) {
    if (input.size_bytes == 0) {  // a pipe: no end in sight
      progress.total = 0;
      break;
    }
    progress.total += input.size_bytes;
  }
  std::string chunk;
  for (size_t index = 0; index < request.inputs.size(); ++index) {
    while (true) {
      MENDFS_ASSIGN_OR_RETURN(const bool more, io.Input(index, chunk));
      if (!more) break;
      MENDFS_RETURN_IF_ERROR(loader.Add(request.inputs[index].name, chunk));
      rows = rows || chunk.find_first_not_of(" \t\r\n") != std::string::npos;
      progress.done += chunk.size();
      progress.rows += static_cast<uint64_t>(std::count(chunk.begin(), chunk.end(), '\n'));
      io.Progress(progress);
    }
    MENDFS_RETURN_IF_ERROR(loader.EndSource());
  }
  return rows;
}

void ShowErrors(const LoadSummary& summary, VerbIo& io) {
  for (const LoadError& error : summary.errors) {
    std::string place;
    if (error.line > 0) place = Printable(error.source) + ":" + std::to_string(error.line) + ":";
    if (error.column > 0) place += std::to_string(error.column) + ":";
    if (!place.empty()) place.push_back(' ');
    io.Err(place + Printable(error.status.message()));
  }
  if (summary.refused > summary.errors.size()) {
    io.Err("… and " + Counted(summary.refused - summary.errors.size(), "more", "more"));
  }
}

// Published, and a commit was closed for it.
bool IsNamed(const LoadSummary& summary) {
  return summary.commit.seq != Seq();
}

std::string SummaryJson(const LoadSummary& summary, bool published) {
  Json errors = Json::array();
  for (const LoadError& error : summary.errors) {
    errors.push_back({{"source", error.source},
                      {"line", error.line},
                      {"column", error.column},
                      {"code", CodeName(error.status.code())},
                      {"message", error.status.message()}});
  }
  Json json = {{"nodes", summary.nodes},
               {"edges", summary.edges},
               {"nodes_changed", summary.nodes_changed},
               {"edges_changed", summary.edges_changed},
               {"nodes_gone", summary.nodes_gone},
               {"edges_gone", summary.edges_gone},
               {"refused", summary.refused},
               {"errors", std::move(errors)},
               {"commit", nullptr}};
  if (published) json["commit"] = IsNamed(summary) ? Json(ShortHex(summary.commit.id)) : Json();
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string SummaryText(const LoadSummary& summary) {
  std::string text = "loaded " + Counted(summary.nodes, "node", "nodes") + " and " +
                     Counted(summary.edges, "edge", "edges");
  if (const uint64_t changed = summary.nodes_changed + summary.edges_changed; changed > 0) {
    text += ", of which " + Counted(changed, "was", "were") + " there and changed";
  }
  if (summary.nodes_gone + summary.edges_gone > 0) {
    text += "; took away " + Counted(summary.nodes_gone, "node", "nodes") + " and " +
            Counted(summary.edges_gone, "edge", "edges");
  }
  if (!IsNamed(summary)) {
    return text + "; it is in the store, but its commit could not be closed yet: `mendfs status` " +
           "says why, and the next commit holds it\n";
  }
  return text + ", commit " + ShortHex(summary.commit.id).substr(0, 16) + "\n";
}

}  // namespace

Status RunLoad(const VerbRequest& request, const VerbHost& host, VerbIo& io) {
  LoadOptions options;
  options.mode = request.mode;
  options.type = request.type;
  options.format = request.format;
  MENDFS_ASSIGN_OR_RETURN(options.if_commit, IdOf(host, request.if_commit));
  MENDFS_ASSIGN_OR_RETURN(options.from, IdOf(host, request.from));
  options.note = {.actor = ActorOf(request, host), .message = request.message};
  MENDFS_ASSIGN_OR_RETURN(const std::unique_ptr<Loader> loader, Loader::Begin(host.store, options));
  MENDFS_ASSIGN_OR_RETURN(const bool rows, ReadInputs(request, io, *loader));
  LoadSummary summary;
  if (!rows) {
    return io.Out(request.json ? SummaryJson(summary, false)
                               : "the input holds no rows; nothing was changed\n");
  }
  const Status status =
      loader->Finish([&](const LoadProgress& progress) { io.Progress(progress); }, summary);
  if (status.ok()) return io.Out(request.json ? SummaryJson(summary, true) : SummaryText(summary));
  if (request.json) MENDFS_RETURN_IF_ERROR(io.Out(SummaryJson(summary, false)));
  if (summary.refused == 0) return status;
  if (!request.json) ShowErrors(summary, io);
  if (status.code() == Code::kConditionLost) return status;
  return {status.code(),
          Counted(summary.refused, "line was", "lines were") + " refused; nothing was changed"};
}

Status RunExport(const VerbRequest& request, const VerbHost& host, VerbIo& io) {
  MENDFS_ASSIGN_OR_RETURN(const std::unique_ptr<Snapshot> snapshot, host.store.Pin(kMainBranch));
  const ExportOptions options{
      .types = request.types, .bare = request.bare, .format = request.format};
  return Export(host.store.reader(), snapshot->view(), options,
                [&](std::string_view bytes) { return io.Out(bytes); });
}

}  // namespace mendfs
