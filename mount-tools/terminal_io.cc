#include "mount-tools/terminal_io.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "mount-tools/control/frame.h"
#include "mount-tools/verbs/text.h"

namespace mendfs {
namespace {

constexpr size_t kOutBytes = size_t{64} << 10;

Status Failure(const std::string& path, int error) {
  const std::string message = Printable(path) + ": " + strerror(error);
  switch (error) {
    case ENOENT: return {Code::kNotFound, message};
    case EACCES:
    case EPERM: return {Code::kDenied, message};
    case EISDIR: return {Code::kIsDirectory, message};
    case ENOSPC: return {Code::kNoSpace, message};
    default: return {Code::kIo, message};
  }
}

std::string ShownName(const std::string& path) {
  return path == kStandardStream ? "standard input" : path;
}

Status WriteAll(int fd, std::string_view bytes, const std::string& name) {
  while (!bytes.empty()) {
    const ssize_t size = write(fd, bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return Failure(name, errno);
    bytes.remove_prefix(static_cast<size_t>(size));
  }
  return Status::Ok();
}

bool IsLoadName(std::string_view name) {
  return !name.starts_with('.') &&
         (name.ends_with(".jsonl") || name.ends_with(".csv") || name.ends_with(".tsv"));
}

Status AddInputs(const std::string& directory, std::vector<std::string>& paths) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(directory.c_str()), closedir);
  if (!stream) return Failure(directory, errno);
  errno = 0;
  while (const dirent* entry = readdir(stream.get())) {
    if (IsLoadName(entry->d_name)) paths.push_back(directory + "/" + entry->d_name);
    errno = 0;
  }
  return errno == 0 ? Status::Ok() : Failure(directory, errno);
}

Result<std::vector<std::string>> ListInputs(const std::string& directory) {
  std::vector<std::string> paths;
  MENDFS_RETURN_IF_ERROR(AddInputs(directory, paths));
  for (const char* below : {"/nodes", "/edges"}) {
    struct stat info {};
    if (stat((directory + below).c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) continue;
    MENDFS_RETURN_IF_ERROR(AddInputs(directory + below, paths));
  }
  if (paths.empty()) {
    return Status(Code::kInvalid, Printable(directory) +
                                      ": no *.jsonl, *.csv or *.tsv file in this directory, nor in "
                                      "its nodes/ and edges/");
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

Result<std::vector<std::string>> ExpandInputs(const std::vector<std::string>& paths) {
  std::vector<std::string> expanded;
  for (const std::string& path : paths) {
    struct stat info {};
    if (path != kStandardStream && stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
      MENDFS_ASSIGN_OR_RETURN(const std::vector<std::string> inside, ListInputs(path));
      expanded.insert(expanded.end(), inside.begin(), inside.end());
    } else {
      expanded.push_back(path);
    }
  }
  if (expanded.size() > kRequestInputsMax) {
    return Status(Code::kTooBig, "at most " + Counted(kRequestInputsMax, "file", "files") +
                                     " in one load; concatenate them");
  }
  return expanded;
}

TerminalIo::TerminalIo() : progress_(STDERR_FILENO) {}

TerminalIo::~TerminalIo() {
  Finish(false).IgnoreError();
}

Result<std::unique_ptr<TerminalIo>> TerminalIo::Open(const TerminalIoOptions& options) {
  std::unique_ptr<TerminalIo> io(new TerminalIo());
  MENDFS_RETURN_IF_ERROR(io->OpenInputs(options.inputs));
  MENDFS_RETURN_IF_ERROR(io->OpenOutput(options.output));
  return io;
}

// Every input is tried before the first one is read: a name that is wrong shows at once.
Status TerminalIo::OpenInputs(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    InputSource source{.name = ShownName(path)};
    struct stat info {};
    const bool standard = path == kStandardStream;
    if (!standard && access(path.c_str(), R_OK) != 0) return Failure(path, errno);
    const int known = standard ? fstat(STDIN_FILENO, &info) : stat(path.c_str(), &info);
    if (known == 0 && S_ISDIR(info.st_mode)) return Failure(path, EISDIR);
    if (known == 0 && S_ISREG(info.st_mode)) {
      source.size_bytes = static_cast<uint64_t>(info.st_size);
    }
    sources_.push_back(std::move(source));
  }
  paths_ = paths;
  return Status::Ok();
}

// A regular file is written beside its name and put there whole at the end.
Status TerminalIo::OpenOutput(const std::string& path) {
  if (path.empty() || path == kStandardStream) return Status::Ok();
  struct stat info {};
  const bool there = stat(path.c_str(), &info) == 0;
  if (there && S_ISDIR(info.st_mode)) return Failure(path, EISDIR);
  const bool straight = there && !S_ISREG(info.st_mode);
  const std::string name = straight ? path : path + ".part";
  output_ = open(name.c_str(), O_WRONLY | O_CLOEXEC | (straight ? 0 : O_CREAT | O_TRUNC), 0666);
  if (output_ < 0) {
    const int error = errno;
    output_ = STDOUT_FILENO;
    return Failure(path, error);
  }
  output_path_ = path;
  if (!straight) part_path_ = name;
  return Status::Ok();
}

// After a failure nothing is written any more: output with a hole would look complete.
Status TerminalIo::FlushOut() {
  if (!failed_.ok() || out_.empty()) return failed_;
  progress_.Clear();
  failed_ = WriteAll(output_, out_, output_path_.empty() ? "standard output" : output_path_);
  out_.clear();
  return failed_;
}

Status TerminalIo::Out(std::string_view bytes) {
  if (!failed_.ok()) return failed_;
  out_ += bytes;
  return out_.size() < kOutBytes ? Status::Ok() : FlushOut();
}

void TerminalIo::Err(std::string_view line) {
  // What was said before stands before; a failure shows at the next Out or at Finish.
  FlushOut().IgnoreError();
  progress_.Clear();
  WriteAll(STDERR_FILENO, std::string(line) + "\n", "standard error").IgnoreError();
}

void TerminalIo::Progress(const LoadProgress& progress) {
  progress_.Show(progress);
}

Result<bool> TerminalIo::Input(size_t index, std::string& chunk) {
  if (index >= paths_.size()) return Status(Code::kInvalid, "no such input");
  const std::string& path = paths_[index];
  if (input_ < 0 || input_index_ != index) {
    if (input_ > STDIN_FILENO) close(input_);
    input_ = path == kStandardStream ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (input_ < 0) return Failure(path, errno);
    input_index_ = index;
  }
  chunk.resize(kInputChunkBytes);
  ssize_t size = 0;
  do {
    size = read(input_, chunk.data(), chunk.size());
  } while (size < 0 && errno == EINTR);
  if (size < 0) return Failure(ShownName(path), errno);
  chunk.resize(static_cast<size_t>(size));
  return size > 0;
}

Status TerminalIo::Finish(bool keep) {
  progress_.Clear();
  Status status = FlushOut();
  if (input_ > STDIN_FILENO) close(input_);
  input_ = -1;
  if (output_path_.empty()) return status;
  if (!part_path_.empty()) {
    if (keep && status.ok() && fsync(output_) != 0) status = Failure(output_path_, errno);
    if (keep && status.ok() && rename(part_path_.c_str(), output_path_.c_str()) != 0) {
      status = Failure(output_path_, errno);
    }
    if (!keep || !status.ok()) unlink(part_path_.c_str());
  }
  if (close(output_) != 0 && status.ok()) status = Failure(output_path_, errno);
  output_ = STDOUT_FILENO;
  output_path_.clear();
  part_path_.clear();
  return status;
}

}  // namespace mendfs
