// Seeded histories of a store on the simulated disk, against a model. A history has several lives:
// each works for a while, and at every mutating call of the disk the world is kept as it is then (a
// moment). Of every moment several ends are tried, the process dying and the power going, and each
// must open again as some state between the last acknowledged flush and the newest change. One of
// these ends is what the next life begins with.
//
// Errors:   kInternal: a violation, with all that is needed to see it again
// Threads:  one drives; the store's own threads may call the disk beside it
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "meta/disk/sim_disk.h"
#include "tests/crash/steps.h"

namespace mendfs {

// What a test sees of its work; added up by whoever asked for it.
struct CrashFigures {
  uint64_t power_cuts = 0;
  uint64_t deaths = 0;         // without loss of power
  uint64_t recovery_cuts = 0;  // of the power cuts: inside a recovery
  uint64_t lives = 0;
  uint64_t checks = 0;  // by fsck
  CrashFigures& operator+=(const CrashFigures& other);
};

struct HistoryOptions {
  Mix mix;
  OpenOptions open;
  unsigned steps = 25;            // at most, of one life
  unsigned step_pause_ms = 0;     // for the background thread to have its turn
  unsigned cuts = 3;              // of each moment
  unsigned recovery_one_in = 24;  // of the ends: cut again at every call of its recovery
  unsigned check_one_in = 1;      // of the ends: looked through by fsck, bytes of bodies included
  std::function<void()> before_step;  // what else happens to the world
  // The disk that the work sees, over the simulated one: a planted defect.
  std::function<std::unique_ptr<Disk>(SimDisk&)> defect;
};

// Small segments, packs and working set, so that everything happens often; no background thread.
OpenOptions CrashOpenOptions();

// A store that was just made, with CrashSchema(0); what it stands on is shared.
std::unique_ptr<SimDisk> FreshStore();

// fsck with the bytes of bodies: kInternal with the first finding.
Status CheckClean(SimDisk& disk);

// A state that the store was in, and how it came about.
struct State {
  Model model;
  std::string text;
  std::string step;
};

// The disk as it was before one call, and what a store on it may show.
struct Moment {
  std::unique_ptr<SimDisk> disk;
  size_t oldest = 0;  // states, as of the last acknowledged flush …
  size_t newest = 0;  // … and of the change that has begun last
  std::string call;
};

class CrashHistory {
 public:
  CrashHistory(uint64_t seed, const HistoryOptions& options);
  ~CrashHistory();

  // Works, and tries the ends of all moments. Afterwards the next life can be lived.
  Status Live();

  const CrashFigures& figures() const { return figures_; }

 private:
  Status Work(std::vector<Moment>& moments);
  Status Begin(Session& session);
  Status RunStep(Session& session);
  void Keep(std::string_view call, const std::string& path,
            const std::function<std::unique_ptr<SimDisk>()>& fork, std::vector<Moment>& moments);
  Status TryMoment(const Moment& moment, bool is_next);
  // The world after an end: opens, compares, checks. Answers which state it shows.
  Result<size_t> TryWorld(SimDisk& disk, const Moment& moment, bool deep);
  static Status CheckResidue(SimDisk& disk, Session& session);
  Status TryRecovery(std::vector<Moment>& moments, const std::string& end);
  Result<size_t> FindState(const std::string& text, const Moment& moment) const;

  const uint64_t seed_;
  const HistoryOptions options_;
  std::mt19937_64 random_;
  std::unique_ptr<SimDisk> disk_;
  std::vector<State> states_;
  std::atomic<size_t> oldest_{0};
  std::atomic<size_t> newest_{0};
  size_t last_done_ = 0;  // the newest state whose change was acknowledged
  uint64_t life_ = 0;
  CrashFigures figures_;
};

}  // namespace mendfs
