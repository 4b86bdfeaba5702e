// What the suites measure with, from outside: a process that reads and lists like any other.
//
// Usage:
//   client read ROUNDS MS FILES DIR…   open, read, close of the first FILES files of each DIR, in
//                                      turns of MS milliseconds; prints the median rate of each
//   client list ROUNDS DIR…            getdents64 through each DIR, in turns; prints the medians of
//                                      the time to the first entry and of the entries a second
//   client cost COMMAND…               runs it; prints seconds and peak memory
// Gives:  lines of: metric, subject (DIR or COMMAND), value, unit; separated by tabs
// Exit:   0; 1 when anything could not be read; cost: that of the command
#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kListBytes = 32 << 10;  // what the C library asks for
constexpr size_t kReadBytes = 64 << 10;

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

void Print(const char* metric, const std::string& subject, double value, const char* unit) {
  printf("%s\t%s\t%.9g\t%s\n", metric, subject.c_str(), value, unit);
}

[[noreturn]] void Fail(const std::string& what) {
  fprintf(stderr, "client: %s: %s\n", what.c_str(), strerror(errno));
  exit(1);
}

struct Listing {
  double first_s = 0;  // to the first entry
  double all_s = 0;
  uint64_t entries = 0;
};

// As the kernel hands them out; `names` may be null.
Listing List(const std::string& directory, size_t names_max, std::vector<std::string>* names) {
  alignas(dirent64) char buffer[kListBytes];
  const auto begin = Clock::now();
  const int fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) Fail(directory);
  Listing listing;
  while (true) {
    const ssize_t size = getdents64(fd, buffer, sizeof buffer);
    if (size < 0) Fail(directory);
    if (size == 0) break;
    if (listing.entries == 0) listing.first_s = SecondsSince(begin);
    for (ssize_t at = 0; at < size;) {
      const auto* record = reinterpret_cast<const dirent64*>(buffer + at);
      at += record->d_reclen;
      ++listing.entries;
      if (names == nullptr || record->d_name[0] == '.') continue;
      names->push_back(directory + "/" + record->d_name);
      if (names->size() == names_max) {
        close(fd);
        return listing;
      }
    }
  }
  listing.all_s = SecondsSince(begin);
  close(fd);
  return listing;
}

void ReadOnce(const std::string& path, char* buffer) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) Fail(path);
  ssize_t size = 0;
  while ((size = read(fd, buffer, kReadBytes)) > 0) {
  }
  if (size < 0 || close(fd) != 0) Fail(path);
}

// Files a second for about `seconds`.
double ReadRate(const std::vector<std::string>& files, double seconds) {
  static char buffer[kReadBytes];
  const auto begin = Clock::now();
  uint64_t count = 0;
  double took = 0;
  do {
    for (int i = 0; i < 64; ++i) ReadOnce(files[count++ % files.size()], buffer);
    took = SecondsSince(begin);
  } while (took < seconds);
  return static_cast<double>(count) / took;
}

void RunRead(int rounds, double seconds, size_t file_count,
             const std::vector<std::string>& places) {
  std::vector<std::vector<std::string>> files(places.size());
  std::vector<std::vector<double>> rates(places.size());
  for (size_t i = 0; i < places.size(); ++i) {
    List(places[i], file_count, &files[i]);
    if (files[i].empty()) Fail(places[i] + " holds no file");
    ReadRate(files[i], seconds / 4);  // warm
  }
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < places.size(); ++i) rates[i].push_back(ReadRate(files[i], seconds));
  }
  for (size_t i = 0; i < places.size(); ++i) {
    Print("open_read_close", places[i], Median(rates[i]), "files/s");
  }
}

void RunList(int rounds, const std::vector<std::string>& places) {
  std::vector<std::vector<double>> first(places.size());
  std::vector<std::vector<double>> rate(places.size());
  std::vector<uint64_t> entries(places.size());
  for (int round = -1; round < rounds; ++round) {
    for (size_t i = 0; i < places.size(); ++i) {
      const Listing listing = List(places[i], 0, nullptr);
      if (round < 0) continue;  // warm
      first[i].push_back(listing.first_s * 1e3);
      rate[i].push_back(static_cast<double>(listing.entries) / listing.all_s);
      entries[i] = listing.entries;
    }
  }
  for (size_t i = 0; i < places.size(); ++i) {
    Print("list_entries", places[i], static_cast<double>(entries[i]), "entries");
    Print("list_first", places[i], Median(first[i]), "ms");
    Print("list_rate", places[i], Median(rate[i]), "entries/s");
  }
}

int RunCost(char** command) {
  const auto begin = Clock::now();
  const pid_t child = fork();
  if (child < 0) Fail("fork");
  if (child == 0) {
    dup2(STDERR_FILENO, STDOUT_FILENO);  // what it prints is no result
    execvp(command[0], command);
    _exit(127);
  }
  int how = 0;
  struct rusage used = {};
  if (wait4(child, &how, 0, &used) != child) Fail("wait");
  Print("seconds", command[0], SecondsSince(begin), "s");
  Print("peak_memory", command[0], static_cast<double>(used.ru_maxrss) * 1024, "bytes");
  return WIFEXITED(how) ? WEXITSTATUS(how) : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "read" && argc > 5) {
    RunRead(atoi(argv[2]), atof(argv[3]) / 1e3, strtoull(argv[4], nullptr, 10),
            {argv + 5, argv + argc});
    return 0;
  }
  if (mode == "list" && argc > 3) {
    RunList(atoi(argv[2]), {argv + 3, argv + argc});
    return 0;
  }
  if (mode == "cost" && argc > 2) return RunCost(argv + 2);
  fprintf(stderr, "usage: client read ROUNDS MS FILES DIR… | list ROUNDS DIR… | cost COMMAND…\n");
  return 2;
}
