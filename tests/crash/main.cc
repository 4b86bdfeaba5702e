// Recovery says much of what is expected here; only errors are shown.
#include <gtest/gtest.h>

#include <cstdlib>

#include "meta/base/log.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const char* const path = std::getenv("MENDFS_CRASH_LOG");
  mendfs::ConfigureLog({.path = path != nullptr ? path : "/dev/null"});
  return RUN_ALL_TESTS();
}
