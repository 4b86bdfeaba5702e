// Defects of replay that a test can plant to see that something turns red; none in production.
//
// Threads:  planted while no store is open
#pragma once

namespace mendfs {

struct ReplayDefects {
  bool ignore_payload_checksums = false;
};

void PlantReplayDefects(const ReplayDefects& defects);

}  // namespace mendfs
