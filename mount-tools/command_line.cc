#include "mount-tools/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <functional>
#include <optional>
#include <utility>

#include "mount-tools/fsck.h"
#include "mount-tools/verbs/text.h"

namespace mendfs {
namespace {

constexpr std::string_view kTargetHelp = "a store, or any path below its mount point";

struct Draft {
  Invocation invocation;
  std::string mode;
  std::string format;
  std::string limit;
  bool act = false;
  bool yes = false;
};

using Define = void (*)(CLI::App& app, Draft& draft);

struct Command {
  std::string_view name;
  std::string_view summary;
  std::string_view example;
  Action action;
  Define define;
};

void AddTarget(CLI::App& app, Draft& draft) {
  app.add_option("STORE|MOUNT", draft.invocation.target, std::string(kTargetHelp))->required();
}

void AddJson(CLI::App& app, Draft& draft) {
  app.add_flag("--json", draft.invocation.json, "JSON instead of text");
}

void AddIgnoredFlag(CLI::App& app, const char* name, const char* summary) {
  app.add_flag_callback(
      name, [] {}, summary);
}

void AddAuthor(CLI::App& app, Draft& draft) {
  app.add_option("--actor", draft.invocation.request.actor,
                 "who the commit names; default: your uid");
  app.add_option("--message,-m", draft.invocation.request.message, "what the commit says");
}

void DefineMkfs(CLI::App& app, Draft& draft) {
  app.add_option("STORE", draft.invocation.target, "a directory that is empty or not there")
      ->required();
  app.add_option("--schema", draft.invocation.schema_file, "types to begin with (- reads stdin)");
  AddJson(app, draft);
}

void DefineMountOptions(CLI::App& app, Draft& draft) {
  app.add_option("-o,--options", draft.invocation.mount.options,
                 "ro, commit=1s, cache_size=256M, nograph, allow_other, nonempty, log=FILE, …")
      ->allow_extra_args(false);
}

void DefineMount(CLI::App& app, Draft& draft) {
  app.add_option("STORE", draft.invocation.target, "a store")->required();
  app.add_option("DIR", draft.invocation.directory, "an empty directory")->required();
  app.add_flag("-f,--foreground", draft.invocation.mount.foreground, "stay in front");
  DefineMountOptions(app, draft);
}

void DefineUmount(CLI::App& app, Draft& draft) {
  app.add_option("DIR", draft.invocation.target, "a mount point, or its store")->required();
  app.add_flag("--force", draft.invocation.force,
               "end what waits for a daemon that does not answer, and the mount with it");
}

void DefineStatus(CLI::App& app, Draft& draft) {
  AddTarget(app, draft);
  AddJson(app, draft);
}

void AddFormat(CLI::App& app, Draft& draft, const char* text) {
  app.add_option("--format", draft.format, text)->option_text("jsonl|csv|tsv");
}

void DefineLoad(CLI::App& app, Draft& draft) {
  AddTarget(app, draft);
  app.add_option("FILE", draft.invocation.files,
                 "JSON lines, <Type>.csv, <Type>.tsv; - reads stdin, a directory stands for such "
                 "files in it, in its nodes/ and its edges/")
      ->required();
  app.add_option("--mode", draft.mode,
                 "append: keys that exist are refused; merge: they get the new rows; replace: the "
                 "input is all there is to be of the types it names")
      ->option_text("append|merge|replace REQUIRED");
  app.add_option("--type", draft.invocation.request.type,
                 "every line is the body of a row of TYPE, every table holds rows of TYPE")
      ->option_text("TYPE");
  AddFormat(app, draft, "what all files are; else their names tell");
  app.add_option("--if-commit", draft.invocation.request.if_commit,
                 "only if this is the newest commit, and nothing was changed since")
      ->option_text("REF");
  app.add_option("--from", draft.invocation.request.from,
                 "the input was made of this commit: only if no row of its types changed since")
      ->option_text("REF");
  AddAuthor(app, draft);
  AddJson(app, draft);
}

void DefineExport(CLI::App& app, Draft& draft) {
  AddTarget(app, draft);
  app.add_option("--type", draft.invocation.request.types, "only this type; may be repeated")
      ->option_text("TYPE")
      ->allow_extra_args(false);
  app.add_flag("--bare", draft.invocation.request.bare, "only the rows' bodies, of one type");
  AddFormat(app, draft, "csv and tsv: the rows of one type, with a header; else JSON lines");
  app.add_option("-o,--output", draft.invocation.output, "write there instead of to stdout")
      ->option_text("FILE");
  AddJson(app, draft);
}

void DefineLog(CLI::App& app, Draft& draft) {
  AddTarget(app, draft);
  app.add_option("-n", draft.limit, "only the newest N")->option_text("N");
  app.add_option("--since", draft.invocation.request.since,
                 "only those behind REF: a commit, a time, a snapshot")
      ->option_text("REF");
  AddJson(app, draft);
}

void AddStat(CLI::App& app, Draft& draft, const char* text) {
  app.add_flag("--stat", draft.invocation.request.stat, text);
}

void DefineDiff(CLI::App& app, Draft& draft) {
  AddTarget(app, draft);
  app.add_option("A..B", draft.invocation.request.ref,
                 "two refs; without B what is there now, without A HEAD");
  AddStat(app, draft, "only how much, by table");
  AddJson(app, draft);
}

void DefineShow(CLI::App& app, Draft& draft) {
  AddTarget(app, draft);
  app.add_option("REF", draft.invocation.request.ref, "which commit; default: HEAD");
  AddStat(app, draft, "and how much it changed, by table");
  AddJson(app, draft);
}

void AddSchemaFile(CLI::App& app, Draft& draft) {
  AddTarget(app, draft);
  app.add_option("FILE", draft.invocation.files, "a schema; - reads stdin")
      ->required()
      ->expected(1);
  app.add_flag("--allow-data-loss", draft.invocation.request.allow_data_loss,
               "also steps that take data away; the past still shows it");
}

void DefineSchema(CLI::App& app, Draft& draft) {
  CLI::App* show = app.add_subcommand("show", "print the accepted schema");
  show->alias("cat");
  DefineStatus(*show, draft);
  CLI::App* plan =
      app.add_subcommand("plan", "print the steps that lead to FILE, changing nothing");
  AddSchemaFile(*plan, draft);
  AddJson(*plan, draft);
  CLI::App* apply = app.add_subcommand("apply", "plan and apply the schema that FILE holds");
  AddSchemaFile(*apply, draft);
  apply->add_flag("--act", draft.act, "with --yes: take data away at once, without a preview");
  apply->add_flag("--yes", draft.yes, "see --act");
  apply
      ->add_option("--confirm", draft.invocation.request.confirm,
                   "take data away if this is what would be done now")
      ->option_text("PLAN");
  AddAuthor(*apply, draft);
  AddJson(*apply, draft);
  app.require_subcommand(1);
}

void DefineQuota(CLI::App& app, Draft& draft) {
  CLI::App* set = app.add_subcommand("set", "bound what everything below an empty directory takes");
  set->add_option("DIR", draft.invocation.target, "a directory below files/ of a mount")
      ->required();
  set->add_option("SIZE", draft.invocation.quota_limit, "10G, 500M, …")->required();
  CLI::App* clear = app.add_subcommand("clear", "take a quota away");
  clear->add_option("DIR", draft.invocation.target, "the directory at which it begins")->required();
  CLI::App* list = app.add_subcommand("list", "the quotas of a store, with what is in use");
  DefineStatus(*list, draft);
  app.require_subcommand(1);
}

void DefineSnapshot(CLI::App& app, Draft& draft) {
  VerbRequest& request = draft.invocation.request;
  const auto add_name = [&](CLI::App& verb) {
    AddTarget(verb, draft);
    verb.add_option("NAME", request.name, "as refs of git are called; may have a /")->required();
  };
  CLI::App* create = app.add_subcommand("create", "give a commit a name, and keep it for good");
  add_name(*create);
  create->add_option("REF", request.ref, "which commit; default: all that was changed so far");
  AddAuthor(*create, draft);
  AddJson(*create, draft);
  CLI::App* list = app.add_subcommand("list", "the snapshots of a store");
  list->alias("ls");
  DefineStatus(*list, draft);
  CLI::App* drop = app.add_subcommand("delete", "take the name away; the commit ages as others do");
  drop->alias("rm");
  add_name(*drop);
  AddJson(*drop, draft);
  app.require_subcommand(1);
}

void DefineFsck(CLI::App& app, Draft& draft) {
  app.add_option("STORE", draft.invocation.target, "a store that nobody has open")->required();
  AddIgnoredFlag(app, "-n", "only look, which is what it does anyway");
  app.add_flag("-y,-p,-a", draft.invocation.repair, "repair what is found; says so if it cannot");
  AddIgnoredFlag(app, "-f", "check even if it looks clean, which is what it does anyway");
  app.add_flag("--data", draft.invocation.data, "also read every byte of files, verified");
  app.add_flag("-C,--progress", draft.invocation.progress, "show progress");
  app.add_flag_callback(
      "-V", [&draft] { draft.invocation.action = Action::kVersion; }, "print the version");
  AddJson(app, draft);
}

void DefineDoctor(CLI::App& app, Draft& draft) {
  app.add_option("DIR", draft.invocation.target, "a mount point, dead or alive")->required();
  AddJson(app, draft);
}

void DefineVersion(CLI::App& app, Draft& draft) {
  AddJson(app, draft);
}

constexpr std::array<Command, 17> kCommands = {{
    {"mkfs", "make a store", "mendfs mkfs /srv/g --schema people.graph", Action::kMkfs, DefineMkfs},
    {"mount", "mount a store", "mendfs mount /srv/g /mnt/g -o commit=1s", Action::kMount,
     DefineMount},
    {"umount", "unmount, and wait until the store is closed", "mendfs umount /mnt/g",
     Action::kUmount, DefineUmount},
    {"status", "what a store holds and how it is", "mendfs status /mnt/g --json",
     Action::kStoreVerb, DefineStatus},
    {"why", "why the mount refused something: the last refusals, newest first", "mendfs why /mnt/g",
     Action::kStoreVerb, DefineStatus},
    {"log", "the commits, newest first", "mendfs log /mnt/g -n 10", Action::kStoreVerb, DefineLog},
    {"load", "read JSON lines into the tables, as one commit or not at all",
     "mendfs load /mnt/g people.jsonl knows.jsonl --mode append", Action::kStoreVerb, DefineLoad},
    {"export", "write the tables as JSON lines that load accepts",
     "mendfs export /mnt/g --type Person -o people.jsonl", Action::kStoreVerb, DefineExport},
    {"schema", "show or change the schema", "mendfs schema plan /mnt/g people.graph",
     Action::kStoreVerb, DefineSchema},
    {"flush", "make everything that was changed so far durable", "mendfs flush /mnt/g",
     Action::kStoreVerb, DefineStatus},
    {"quota", "bound what a directory tree takes", "mendfs quota set /mnt/g/files/x 10G",
     Action::kStoreVerb, DefineQuota},
    {"diff", "what differs between two moments", "mendfs diff /mnt/g HEAD~3..HEAD",
     Action::kStoreVerb, DefineDiff},
    {"show", "one commit", "mendfs show /mnt/g HEAD --stat", Action::kStoreVerb, DefineShow},
    {"snapshot", "commits with a name, kept for good",
     "mendfs snapshot create /mnt/g before-import", Action::kStoreVerb, DefineSnapshot},
    {"fsck", "check a store", "mendfs fsck -n /srv/g", Action::kFsck, DefineFsck},
    {"doctor", "explain a mount that does not answer, without touching it", "mendfs doctor /mnt/g",
     Action::kDoctor, DefineDoctor},
    {"version", "print the version", "mendfs version --json", Action::kVersion, DefineVersion},
}};

Invocation Print(std::string text, int exit_code) {
  Invocation invocation;
  invocation.text = std::move(text);
  invocation.exit_code = exit_code;
  return invocation;
}

std::string Overview() {
  std::string text =
      "mendfs: a versioned graph and table store that you mount\n\nUsage: mendfs VERB …\n\n";
  for (const Command& command : kCommands) {
    std::string line = "  " + std::string(command.name);
    line.resize(12, ' ');
    text += line + std::string(command.summary) + "\n";
  }
  return text + "\n`mendfs VERB --help` tells more.\n";
}

Invocation UnknownVerb(const std::string& word) {
  std::vector<std::string_view> names;
  for (const Command& command : kCommands) names.push_back(command.name);
  const std::string_view nearest = Nearest(word, names);
  std::string text = "mendfs: there is no verb '" + Printable(word) + "'";
  text += nearest.empty() ? "; `mendfs help` lists them"
                          : "; did you mean '" + std::string(nearest) + "'?";
  return Print(text + "\n", kExitUsage);
}

std::string LowerFirst(std::string text) {
  // "STORE is required" begins with a name.
  const bool name = text.size() > 1 && std::isupper(static_cast<unsigned char>(text[1])) != 0;
  if (!text.empty() && !name)
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

Invocation UsageError(std::string_view verb, const std::string& sentence, int exit_code) {
  return Print("mendfs " + std::string(verb) + ": " + LowerFirst(Printable(sentence)) +
                   "\n`mendfs " + std::string(verb) + " --help` tells more\n",
               exit_code);
}

// Parses with the definition of one command; `complete` fills in what CLI11 left.
Invocation Parse(const Command& command, std::vector<std::string> arguments, Draft& draft,
                 const std::function<std::string(CLI::App&)>& complete) {
  CLI::App app(std::string(command.summary), "mendfs " + std::string(command.name));
  app.footer("Example: " + std::string(command.example));
  draft.invocation.action = command.action;
  draft.invocation.verb = command.name;
  command.define(app, draft);
  const int usage = draft.invocation.fsck_codes ? kFsckUsage : kExitUsage;
  try {
    std::reverse(arguments.begin(), arguments.end());  // what CLI11 wants
    app.parse(arguments);
    const std::string wrong = complete(app);
    if (!wrong.empty()) return UsageError(command.name, wrong, usage);
  } catch (const CLI::CallForHelp&) {
    return Print(app.help(), kExitDone);
  } catch (const CLI::ParseError& error) {
    // -V needs no store.
    if (draft.invocation.action == Action::kVersion) return draft.invocation;
    return UsageError(command.name, error.what(), usage);
  }
  return draft.invocation;
}

const Command* FindCommand(std::string_view name) {
  for (const Command& command : kCommands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

Verb VerbOf(std::string_view name, const CLI::App& app) {
  if (name == "load") return Verb::kLoad;
  if (name == "export") return Verb::kExport;
  if (name == "log") return Verb::kLog;
  if (name == "why") return Verb::kWhy;
  if (name == "flush") return Verb::kFlush;
  if (name == "quota") return Verb::kQuotaList;
  if (name == "diff") return Verb::kDiff;
  if (name == "show") return Verb::kShow;
  if (name == "snapshot") {
    if (app.got_subcommand("create")) return Verb::kSnapshotCreate;
    return app.got_subcommand("delete") ? Verb::kSnapshotDelete : Verb::kSnapshotList;
  }
  if (name == "schema") {
    if (app.got_subcommand("plan")) return Verb::kSchemaPlan;
    return app.got_subcommand("apply") ? Verb::kSchemaApply : Verb::kSchemaShow;
  }
  return Verb::kStatus;
}

std::string Complete(const Command& command, CLI::App& app, Draft& draft) {
  Invocation& invocation = draft.invocation;
  if (command.action != Action::kStoreVerb) return "";
  if (command.name == "quota" && !app.got_subcommand("list")) {
    invocation.action = Action::kQuota;
    invocation.verb = app.got_subcommand("set") ? "quota set" : "quota clear";
    return app.got_subcommand("set") && invocation.quota_limit.empty() ? "SIZE is empty" : "";
  }
  VerbRequest& request = invocation.request;
  request.verb = VerbOf(command.name, app);
  invocation.verb = VerbName(request.verb);
  request.json = invocation.json;
  if (!draft.limit.empty()) {
    uint64_t limit = 0;
    const char* end = draft.limit.data() + draft.limit.size();
    const auto [stop, error] = std::from_chars(draft.limit.data(), end, limit);
    if (error != std::errc() || stop != end) {
      return "-n wants a number of commits, 0 or more, not '" + draft.limit + "'";
    }
    request.limit = limit;
  }
  if (draft.act != draft.yes) {
    return draft.act ? "--act takes data away without a preview; it wants --yes beside it"
                     : "--yes goes with --act";
  }
  request.act = draft.act;
  if (request.verb == Verb::kLoad) {
    const std::optional<LoadMode> mode = ParseLoadMode(draft.mode);
    if (!mode) {
      return (draft.mode.empty() ? std::string("--mode is missing, and there is no default")
                                 : "there is no --mode " + draft.mode) +
             ": append refuses keys that exist, merge gives them the new rows, replace takes the "
             "input for all there is to be of the types it names";
    }
    request.mode = *mode;
  }
  const std::optional<TableFormat> format = ParseTableFormat(draft.format);
  if (!format) return "there is no --format " + draft.format + ": jsonl, csv or tsv";
  request.format = *format;
  const bool table = *format == TableFormat::kCsv || *format == TableFormat::kTsv;
  if (request.verb == Verb::kExport && table && (request.bare || request.types.size() != 1)) {
    return "--format " + draft.format + " wants exactly one --type and no --bare";
  }
  if (request.bare && request.types.size() != 1) return "--bare wants exactly one --type";
  if (std::count(invocation.files.begin(), invocation.files.end(), "-") > 1) {
    return "standard input can be read once";
  }
  return "";
}

Invocation ParseCommand(const Command& command, std::vector<std::string> arguments, Draft& draft) {
  return Parse(command, std::move(arguments), draft,
               [&](CLI::App& app) { return Complete(command, app, draft); });
}

// mount.mendfs STORE DIR [-sfnv] [-N namespace] [-t type] [-o options]: as mount(8) calls it.
Invocation ParseMountHelper(std::vector<std::string> arguments) {
  Draft draft;
  std::string ignored;
  CLI::App app("mount a store; called by mount(8)", "mount.mendfs");
  app.footer(
      "Example: mount -t mendfs /srv/g /mnt/g -o ro\n"
      "fstab:   /srv/g  /mnt/g  mendfs  defaults,nofail  0  0");
  app.add_option("STORE", draft.invocation.target, "a store")->required();
  app.add_option("DIR", draft.invocation.directory, "an empty directory")->required();
  DefineMountOptions(app, draft);
  app.add_flag("-s", draft.invocation.mount.sloppy, "ignore options that are not known");
  app.add_flag("-f", draft.invocation.mount.fake, "do everything but mount");
  app.add_flag("-v", draft.invocation.mount.verbose, "say what is done");
  AddIgnoredFlag(app, "-n", "accepted; there is no mtab to leave alone");
  app.add_option("-t", ignored, "accepted")->option_text("TYPE");
  app.add_option("-N", ignored, "accepted; mount(8) has entered it")->option_text("NAMESPACE");
  draft.invocation.action = Action::kMount;
  draft.invocation.verb = "mount";
  try {
    std::reverse(arguments.begin(), arguments.end());
    app.parse(arguments);
  } catch (const CLI::CallForHelp&) {
    return Print(app.help(), kExitDone);
  } catch (const CLI::ParseError& error) {
    return Print("mount.mendfs: " + LowerFirst(Printable(error.what())) + "\n", kExitUsage);
  }
  return draft.invocation;
}

// fsck(8) hands over -C with a descriptor: "-C0", "-C 0".
std::vector<std::string> WithoutProgressDescriptor(const std::vector<std::string>& arguments) {
  const auto digits = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  std::vector<std::string> plain;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    const bool joined = argument.starts_with("-C") && digits(std::string_view(argument).substr(2));
    plain.push_back(joined ? "-C" : argument);
    if (argument == "-C" && i + 1 < arguments.size() && digits(arguments[i + 1])) ++i;
  }
  return plain;
}

Invocation ParseFsckHelper(const std::vector<std::string>& arguments) {
  Draft draft;
  draft.invocation.fsck_codes = true;
  return ParseCommand(*FindCommand("fsck"), WithoutProgressDescriptor(arguments), draft);
}

Invocation ParseVerb(std::vector<std::string> arguments) {
  if (arguments.empty()) return Print(Overview(), kExitUsage);
  const std::string verb = arguments.front();
  if (verb == "--help" || verb == "-h" || (verb == "help" && arguments.size() == 1)) {
    return Print(Overview(), kExitDone);
  }
  if (verb == "--version" || verb == "-V") return ParseVerb({"version"});
  if (verb == "help") return ParseVerb({arguments[1], "--help"});
  const Command* command = FindCommand(verb);
  if (command == nullptr) return UnknownVerb(verb);
  arguments.erase(arguments.begin());
  Draft draft;
  if (verb == "fsck") arguments = WithoutProgressDescriptor(arguments);
  return ParseCommand(*command, std::move(arguments), draft);
}

}  // namespace

Invocation ParseCommandLine(std::string_view program, std::vector<std::string> arguments) {
  const std::string_view name = program.substr(program.rfind('/') + 1);
  if (name == "mount.mendfs") return ParseMountHelper(std::move(arguments));
  if (name == "fsck.mendfs") return ParseFsckHelper(arguments);
  if (name == "mkfs.mendfs") arguments.insert(arguments.begin(), "mkfs");
  return ParseVerb(std::move(arguments));
}

}  // namespace mendfs
