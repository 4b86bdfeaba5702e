// argv to what is to be done. CLI11 stays behind this door.
//
// The program is called mendfs, or goes by the names that mount(8), fsck(8) and mkfs(8) look for.
//
// Threads:  pure function of its arguments
// Errors:   none: words that make no sense become an Invocation that prints a sentence and ends
// with
//           the exit code for it
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mount-tools/verbs/verb.h"
#include "mount-tools/verbs/verb_request.h"

namespace mendfs {

enum class Action {
  kPrint,      // `text`, then exit with `exit_code`
  kStoreVerb,  // `request` on the store that `target` means
  kMkfs,
  kMount,
  kUmount,
  kFsck,
  kDoctor,
  kQuota,  // set, or clear without a limit
  kVersion,
};

struct MountArguments {
  std::vector<std::string> options;  // of -o
  bool foreground = false;
  bool fake = false;  // mount -f: all but the mounting
  bool sloppy = false;
  bool verbose = false;
};

struct Invocation {
  Action action = Action::kPrint;
  std::string text;                // kPrint
  int exit_code = kExitDone;       // kPrint
  std::string verb;                // as messages name it: "load", "fsck"
  std::string target;              // STORE or STORE|MOUNT
  std::string directory;           // mount: DIR
  std::vector<std::string> files;  // load, schema plan, schema apply
  std::string output;              // export -o
  std::string schema_file;         // mkfs --schema
  std::string quota_limit;         // quota set
  VerbRequest request;
  MountArguments mount;
  bool force = false;       // umount --force
  bool repair = false;      // fsck -y -p -a: the caller would accept repairs
  bool fsck_codes = false;  // exit codes of fsck(8)
  bool progress = false;    // fsck -C
  bool data = false;        // fsck --data
  bool json = false;
};

// `arguments` are argv without the program's name.
Invocation ParseCommandLine(std::string_view program, std::vector<std::string> arguments);

}  // namespace mendfs
